// @ts-check
/**
 * A thread that hashes stretches of files, and copies them on the way: with positioned reads and writes, one buffer, and
 * nothing that waits for an event. It opens, syncs and closes nothing. Or it hashes what it is lent, piece after piece, and
 * gives it back. Plain JavaScript that imports only Node's own modules, so that it runs from here as it runs when it is
 * packed. Started by copy-workers.ts and hash-thread.ts.
 */
import { createHash } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';

/**
 * @typedef {object} Job
 * @property {number} from descriptor of the file that is read
 * @property {number} position where its first byte is
 * @property {number} length in bytes
 * @property {Target | undefined} to where it is copied to; else it is only hashed
 * @property {string} algorithm
 * @property {Int32Array} stop shared; anything but 0 in it ends the job
 */

/**
 * @typedef {object} Target
 * @property {number} file descriptor of the file that is written
 * @property {number} at where its first byte goes
 * @property {number} kept so many bytes are there already, and only hashed
 */

/**
 * How a job ended, or that it goes on.
 * @typedef {{ done: number }
 *   | { digest: Uint8Array }
 *   | { endsAt: number, side: Side }
 *   | { stopped: true }
 *   | { failure: { message: string, code?: string, errno?: number, syscall?: string }, side: Side }} Answer
 */

/**
 * Which file of a job.
 * @typedef {'from' | 'to'} Side
 */

/** Small enough to stay in the processor's cache between reading, hashing and writing. */
const PIECE = 256 * 1024;

/** Bytes after which it says how far it is. */
const TELL_EVERY = 8 << 20;

const buffer = Buffer.allocUnsafeSlow(PIECE);

/** @param {Answer} answer */
const tell = (answer) => parentPort?.postMessage(answer);

/**
 * @param {Job} job
 * @returns {Answer}
 */
function copy({ from, position, length, to, algorithm, stop }) {
  const hash = createHash(algorithm);
  /** @type {Side} */
  let side = 'from';
  let told = 0;
  try {
    for (let done = 0; done < length;) {
      if (Atomics.load(stop, 0) !== 0) return { stopped: true };
      const kept = to !== undefined && done < to.kept ? to : undefined;
      side = kept === undefined ? 'from' : 'to';
      const at = (kept === undefined ? position : kept.at) + done;
      const wanted = Math.min(PIECE, (kept === undefined ? length : kept.kept) - done);
      const count = readSync(kept === undefined ? from : kept.file, buffer, 0, wanted, at);
      if (count === 0) return { endsAt: at, side };
      hash.update(buffer.subarray(0, count));
      if (to !== undefined && kept === undefined) {
        side = 'to';
        for (let written = 0; written < count;) {
          written += writeSync(to.file, buffer, written, count - written, to.at + done + written);
        }
      }
      done += count;
      if (done - told >= TELL_EVERY || done === length) {
        tell({ done: done - told });
        told = done;
      }
    }
    return { digest: hash.digest() };
  } catch (error) {
    // An error loses everything but its text on the way to another thread.
    const { message, code, errno, syscall } = /** @type {NodeJS.ErrnoException} */ (error);
    const failure = { message, ...(code && { code }), ...(errno && { errno }), ...(syscall && { syscall }) };
    return { failure, side };
  }
}

/**
 * What is to be hashed next and with what; bytes that follow; the last one was that.
 * @typedef {{ start: string } | { piece: Uint8Array<ArrayBuffer> } | { end: true }} HashOrder
 */

/** @type {import('node:crypto').Hash | undefined} */
let hash;

parentPort?.on('message', (/** @type {Job | HashOrder} */ order) => {
  if ('start' in order) {
    hash = createHash(order.start);
    parentPort?.postMessage({ ready: true });
  } else if ('piece' in order) {
    hash?.update(order.piece);
    parentPort?.postMessage({ hashed: order.piece }, [order.piece.buffer]);
  } else if ('end' in order) parentPort?.postMessage({ digest: hash?.digest() });
  else tell(copy(order));
});
