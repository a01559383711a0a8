// @ts-check
/**
 * A thread that copies stretches of files and hashes them on the way: with positioned reads and writes, one buffer, and
 * nothing that waits for an event. It opens, syncs and closes nothing. Or it hashes what is put into shared memory, piece
 * after piece. Plain JavaScript that imports only Node's own modules, so that it runs from here as it runs when it is
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
 * @property {number} to descriptor of the file that is written
 * @property {number} at where its first byte goes
 * @property {string} algorithm
 * @property {Int32Array} stop shared; anything but 0 in it ends the job
 */

/**
 * How a job ended, or that it goes on.
 * @typedef {{ written: number }
 *   | { digest: Uint8Array }
 *   | { endsAt: number }
 *   | { stopped: true }
 *   | { failure: { message: string, code?: string, errno?: number, syscall?: string } }} Answer
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
function copy({ from, position, length, to, at, algorithm, stop }) {
  const hash = createHash(algorithm);
  let told = 0;
  for (let done = 0; done < length;) {
    if (Atomics.load(stop, 0) !== 0) return { stopped: true };
    const count = readSync(from, buffer, 0, Math.min(PIECE, length - done), position + done);
    if (count === 0) return { endsAt: position + done };
    hash.update(buffer.subarray(0, count));
    for (let written = 0; written < count;) {
      written += writeSync(to, buffer, written, count - written, at + done + written);
    }
    done += count;
    if (done - told >= TELL_EVERY || done === length) {
      tell({ written: done - told });
      told = done;
    }
  }
  return { digest: hash.digest() };
}

/**
 * What is to be hashed next and with what; bytes that follow; the last one was that.
 * @typedef {{ start: string } | { piece: Uint8Array } | { end: true }} HashOrder
 */

/** @type {import('node:crypto').Hash | undefined} */
let hash;

parentPort?.on('message', (/** @type {Job | HashOrder} */ order) => {
  if ('start' in order) {
    hash = createHash(order.start);
    parentPort?.postMessage({ ready: true });
  } else if ('piece' in order) {
    hash?.update(order.piece);
    parentPort?.postMessage({ hashed: true });
  } else if ('end' in order) parentPort?.postMessage({ digest: hash?.digest() });
  else copyAndTell(order);
});

/** @param {Job} job */
function copyAndTell(job) {
  try {
    tell(copy(job));
  } catch (error) {
    // An error loses everything but its text on the way to another thread.
    const { message, code, errno, syscall } = /** @type {NodeJS.ErrnoException} */ (error);
    tell({
      failure: { message, ...(code && { code }), ...(errno && { errno }), ...(syscall && { syscall }) },
    });
  }
}
