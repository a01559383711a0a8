import { fstat, fstatSync, write } from 'node:fs';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { fromSystemError, StowageError } from '../errors.js';
import { readPipe } from '../io/read-pipe.js';
import { isTerminal } from './is-terminal.js';

/** So much fits into any pipe. */
const UNREAD_BYTES = 16 * 1024;

/** Standard output for text and for archives. One write at a time. */
export interface StandardOutput {
  readonly isTerminal: boolean;
  /** Whether whoever was reading has gone. */
  readonly closed: boolean;
  write(chunk: string | Uint8Array): Promise<void>;
}

/**
 * Writes straight to the file descriptor, which is several times faster than the stream Node puts before it. Writes that
 * would block are left to the stream, which knows how to wait. The stream is not even looked at before there is more to
 * write than a pipe takes when nobody reads it: to make it takes as long as many a command.
 */
export function standardOutput(): StandardOutput {
  let closed = false;
  let useStream = false;
  let written = 0;
  const isLong = (bytes: number) => written <= UNREAD_BYTES && (written += bytes) > UNREAD_BYTES;
  return {
    get isTerminal() {
      return isTerminal(1);
    },
    get closed() {
      return closed;
    },
    async write(chunk) {
      let rest = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      try {
        if (isLong(rest.byteLength)) makeNonBlocking();
        while (rest.byteLength > 0 && !useStream) {
          const count = await writeOnce(rest);
          if (count === 'would block') useStream = true;
          else rest = rest.subarray(count);
        }
        if (rest.byteLength > 0) await writeToStream(rest);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EPIPE') closed = true;
        throw fromSystemError(error, 'Cannot write to standard output');
      }
    },
  };
}

/** A Node stream before `output`, for what wants one. Ending it does not close standard output. */
export function asWritable(output: StandardOutput): Writable {
  return new Writable({
    // One chunk is written while the next one waits.
    highWaterMark: 2 << 20,
    decodeStrings: true,
    write: (chunk: Uint8Array, _encoding, done) => {
      output.write(chunk).then(() => done(), done);
    },
  });
}

/**
 * Standard input as chunks.
 * @param command that reads it, for the hint.
 * @throws {StowageError} INVALID if it is a terminal: nobody types an archive.
 */
export function archiveFromStandardInput(command = 'images import'): AsyncIterable<Uint8Array> {
  if (isTerminal(0)) {
    throw new StowageError('INVALID', 'Cannot read an archive from standard input: it is a terminal', {
      hint: `pipe one in (cat x.tar | stowage ${command} -), or name a file`,
    });
  }
  return standardInput();
}

/** Standard input as chunks, whatever it is. */
export async function* standardInput(): AsyncIterable<Uint8Array> {
  const stats = await promisify(fstat)(0);
  if (stats.isFIFO() || stats.isSocket()) {
    const pipe = readPipe(0);
    release = () => pipe.destroy();
    yield* pipe;
    return;
  }
  release = () => process.stdin.destroy();
  yield* process.stdin;
}

/** Lets the process end although whoever writes to standard input has not. */
export function releaseStandardInput(): void {
  release();
}

/** Node's stream is made by looking at it, so it is not looked at without need. */
let release = () => {};

/** @throws {StowageError} INVALID if standard output is a terminal, which an archive would garble. */
export function refuseTerminal(output: StandardOutput): void {
  if (!output.isTerminal) return;
  throw new StowageError('INVALID', 'Cannot write an archive to standard output: it is a terminal', {
    hint: 'pipe it on (stowage images export - x | ...), redirect it, or name a file',
  });
}

/** Where not even that can be said, nothing is. */
export function writeToStandardError(text: string): void {
  if (process.stderr.listenerCount('error') === 0) process.stderr.on('error', () => {});
  process.stderr.write(text);
}

/**
 * Merely making the stream does that; a write that blocks would hold up even the end of the process. A write to a file
 * does not.
 */
function makeNonBlocking(): void {
  // eslint-disable-next-line no-restricted-syntax
  if (!fstatSync(1).isFile()) void process.stdout.writable;
}

function writeOnce(chunk: Uint8Array): Promise<number | 'would block'> {
  return new Promise((resolve, reject) => {
    write(1, chunk, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === 'EAGAIN') resolve('would block');
      else reject(error);
    });
  });
}

const nothing = () => {};

function writeToStream(chunk: Uint8Array): Promise<void> {
  // Besides its callback a failed write emits 'error', some time later; nobody may be left to be surprised by it.
  if (!process.stdout.listeners('error').includes(nothing)) process.stdout.on('error', nothing);
  return new Promise((resolve, reject) => {
    process.stdout.write(chunk, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
