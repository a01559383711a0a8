import type { FileHandle } from 'node:fs/promises';
import type { Algorithm, Digest } from '../oci/digest.js';
import { readFully, type FileSlice } from './byte-source.js';
import { createHasher } from './hash.js';
import { writeFully } from './write-fully.js';

/** A stretch of one file that is to be at a position of another one. */
export interface CopyJob {
  readonly from: FileSlice;
  readonly to: FileHandle;
  /** Byte position in `to` of the first byte. */
  readonly at: number;
  readonly algorithm: Algorithm;
}

export interface CopyJobOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with every number of bytes that was written. */
  readonly onBytes?: ((count: number) => void) | undefined;
}

const PIECE = 1 << 20;

/** How many buffers take turns: one is read into, one hashed, one written. */
const BUFFERS = 3;

/**
 * Copies on this thread: while a piece is hashed here, the next one is read and the last one written on others. Nothing
 * of it is synced, and nothing is in flight when it settles.
 *
 * @returns the digest of what was copied.
 * @throws {StowageError} MISMATCH if the file ends before its slice does; what the system says of either file.
 */
export async function copySlice(
  { from, to, at, algorithm }: CopyJob,
  { signal, onBytes }: CopyJobOptions = {},
): Promise<Digest> {
  const hasher = createHasher(algorithm);
  const buffers = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(Math.min(PIECE, from.length)));
  const writes: Promise<void>[] = [];
  let position = 0;
  let reading: Promise<Buffer> | undefined;
  const startRead = (turn: number) => {
    const length = Math.min(PIECE, from.length - position);
    const buffer = buffers[turn % BUFFERS];
    if (length === 0 || buffer === undefined) return undefined;
    const read = readFully(from, from.offset + position, buffer.subarray(0, length));
    // Thrown when it is its turn.
    read.catch(() => {});
    position += length;
    return read;
  };
  try {
    let written = 0;
    reading = startRead(0);
    for (let turn = 0; reading !== undefined; turn++) {
      signal?.throwIfAborted();
      const piece: Buffer = await reading;
      // The buffer for the next read is the one whose write began longest ago.
      await writes[(turn + 1) % BUFFERS];
      reading = startRead(turn + 1);
      const write = writeFully(to, piece, at + written).then(() => onBytes?.(piece.byteLength));
      write.catch(() => {});
      writes[turn % BUFFERS] = write;
      written += piece.byteLength;
      hasher.update(piece);
    }
    await Promise.all(writes);
    signal?.throwIfAborted();
    return hasher.digest();
  } finally {
    await Promise.allSettled([...writes, reading].filter((each) => each !== undefined));
  }
}
