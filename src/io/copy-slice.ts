import type { Algorithm, Digest } from '../oci/digest.js';
import type { FileSlice, ReadableFile } from './byte-source.js';
import { eachPiece } from './each-piece.js';
import { createHasher } from './hash.js';
import { writeFully, type WritableFile } from './write-fully.js';

/** A stretch of a file that is to be hashed, and on the way copied if it is to be somewhere else as well. */
export interface CopyJob {
  readonly from: FileSlice;
  readonly algorithm: Algorithm;
  readonly to?: CopyTarget | undefined;
}

export interface CopyTarget {
  readonly file: ReadableFile & WritableFile;
  /** Byte position in the file of the first byte. */
  readonly at: number;
  /** So many bytes of it are there already; they are hashed where they are instead of being copied. @default 0 */
  readonly kept?: number | undefined;
}

/** Which of the two files of a job. */
export type CopySide = 'from' | 'to';

export interface CopyJobOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called with every number of bytes that was copied, or found and hashed. */
  readonly onBytes?: ((count: number) => void) | undefined;
  /** What is thrown where the system refuses to read or write one of the files. @default its error */
  readonly explain?: ((error: unknown, side: CopySide) => unknown) | undefined;
}

/**
 * Copies or hashes on this thread: while a piece is hashed here, the next one is read and the last one written on others.
 * Nothing is synced, and nothing is in flight when it settles.
 *
 * @returns the digest of the slice, with what was kept in the place of its beginning.
 * @throws {StowageError} MISMATCH if the file ends before its slice does, or has less than was to be kept; what the
 *   system says of either file.
 */
export async function copySlice(
  { from, to, algorithm }: CopyJob,
  options: CopyJobOptions = {},
): Promise<Digest> {
  const { signal, onBytes, explain = (error) => error } = options;
  const hasher = createHasher(algorithm);
  const hash = (piece: Buffer) => {
    hasher.update(piece);
    onBytes?.(piece.byteLength);
    return undefined;
  };
  const copyTo =
    ({ file, at }: CopyTarget) =>
    (piece: Buffer, position: number) => {
      const write = writeFully(file, [piece], at + position).then(
        () => onBytes?.(piece.byteLength),
        (error: unknown) => {
          throw explain(error, 'to');
        },
      );
      hasher.update(piece);
      return write;
    };
  const kept = to?.kept ?? 0;
  if (to !== undefined && kept > 0) {
    const there = explained({ file: to.file, offset: to.at, length: kept }, (error) => explain(error, 'to'));
    await eachPiece(there, hash, signal);
  }
  const rest = { file: from.file, offset: from.offset + kept, length: from.length - kept };
  const take = to === undefined ? hash : copyTo({ ...to, at: to.at + kept });
  await eachPiece(
    explained(rest, (error) => explain(error, 'from')),
    take,
    signal,
  );
  return hasher.digest();
}

/** A slice whose failures to be read are told in other words. */
function explained({ file, offset, length }: FileSlice, explain: (error: unknown) => unknown): FileSlice {
  const read: ReadableFile['read'] = async (...args) => {
    try {
      return await file.read(...args);
    } catch (error) {
      throw explain(error);
    }
  };
  return { file: { read }, offset, length };
}
