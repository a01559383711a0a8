import type { Algorithm, Digest } from '../oci/digest.js';
import type { FileSlice, ReadableFile } from './byte-source.js';
import { eachPiece } from './each-piece.js';
import { createHasher } from './hash.js';
import { writeFully, type WritableFile } from './write-fully.js';

/** A stretch of one file that is to be at a position of another one. */
export interface CopyJob {
  readonly from: FileSlice;
  readonly to: ReadableFile & WritableFile;
  /** Byte position in `to` of the first byte. */
  readonly at: number;
  /** So many bytes of it are there already; they are hashed where they are instead of being copied. @default 0 */
  readonly kept?: number | undefined;
  readonly algorithm: Algorithm;
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
 * Copies on this thread: while a piece is hashed here, the next one is read and the last one written on others. Nothing
 * of it is synced, and nothing is in flight when it settles.
 *
 * @returns the digest of what was copied and what was kept.
 * @throws {StowageError} MISMATCH if the file ends before its slice does, or has less than was to be kept; what the
 *   system says of either file.
 */
export async function copySlice(job: CopyJob, options: CopyJobOptions = {}): Promise<Digest> {
  const { from, to, at, kept = 0, algorithm } = job;
  const { signal, onBytes, explain = (error) => error } = options;
  const hasher = createHasher(algorithm);
  const hashKept = (piece: Buffer) => {
    hasher.update(piece);
    onBytes?.(piece.byteLength);
    return undefined;
  };
  const copy = (piece: Buffer, position: number) => {
    const write = writeFully(to, [piece], at + kept + position).then(
      () => onBytes?.(piece.byteLength),
      (error: unknown) => {
        throw explain(error, 'to');
      },
    );
    hasher.update(piece);
    return write;
  };
  if (kept > 0)
    await eachPiece(
      explained(to, at, kept, (error) => explain(error, 'to')),
      hashKept,
      signal,
    );
  const rest = explained(from.file, from.offset + kept, from.length - kept, (error) =>
    explain(error, 'from'),
  );
  await eachPiece(rest, copy, signal);
  return hasher.digest();
}

/** A slice whose failures to be read are told in other words. */
function explained(
  file: ReadableFile,
  offset: number,
  length: number,
  explain: (error: unknown) => unknown,
): FileSlice {
  const read: ReadableFile['read'] = async (...args: Parameters<ReadableFile['read']>) => {
    try {
      return await file.read(...args);
    } catch (error) {
      throw explain(error);
    }
  };
  return { file: { read }, offset, length };
}
