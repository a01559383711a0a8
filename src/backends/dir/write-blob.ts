import { fromSystemError, isStowageError } from '../../errors.js';
import { chunksOf, isFileSlice, type ByteSource, type FileSlice } from '../../io/byte-source.js';
import { BYTES_WORTH_A_LANE, type CopyLanes } from '../../io/copy-lanes.js';
import { copySlice, type CopySide } from '../../io/copy-slice.js';
import { PIECE } from '../../io/each-piece.js';
import type { Expected } from '../../io/verify.js';
import type { Algorithm, Digest } from '../../oci/digest.js';
import { BlobFile, type BegunFile } from './blob-file.js';
import { Intake } from './intake.js';

export interface WriteBlobOptions {
  readonly algorithm: Algorithm;
  readonly expected: Expected | undefined;
  /** Called when the first bytes are to be written; content of one piece at most is proven before that. */
  readonly create: () => Promise<BegunFile>;
  /** What is attempted, for errors of the disk: `Cannot store blob "sha256:…" in "/root"`. */
  readonly attempt: string;
  readonly onBytes: ((count: number) => void) | undefined;
  readonly signal: AbortSignal | undefined;
  /** Who copies what is large and lies in a file. @default this thread */
  readonly lanes?: CopyLanes | undefined;
}

interface Writing {
  readonly intake: Intake;
  readonly output: BlobFile;
  readonly options: WriteBlobOptions;
  readonly signal: AbortSignal | undefined;
}

/**
 * Writes a source into a file. Reading, hashing and writing overlap. When it resolves the file is closed, has its final
 * mode, is on the disk, and is what was expected.
 *
 * What a write before this one left in the file saves work where it is the beginning of the content, and costs some
 * where it is not; it never decides what the content is. Of a stream it is compared with what comes. Of a stretch of a
 * file whose digest is known it is hashed where it is, and those bytes are not read again.
 *
 * @throws {StowageError} MISMATCH if it is not; whatever the source or the file throws.
 */
export async function writeBlob(
  source: ByteSource,
  options: WriteBlobOptions,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const intake = new Intake(options);
  const output = new BlobFile(options);
  const writing = { intake, output, options, signal: options.signal };
  try {
    const copied =
      isFileSlice(source) && source.length > PIECE ? copyWhole(source, writing) : copyChunks(source, writing);
    const result = await copied;
    await output.finish();
    return result;
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

async function copyChunks(source: ByteSource, { intake, output, options, signal }: Writing) {
  const { algorithm, expected, lanes } = options;
  const isLarge = expected?.size !== undefined && expected.size >= BYTES_WORTH_A_LANE;
  // What comes by has to be read on this thread, so that it is hashed on another one.
  const hasher = isLarge ? await lanes?.hashing.take(algorithm) : undefined;
  try {
    for await (const chunk of chunksOf(source, { signal })) {
      intake.count(chunk.byteLength);
      for (let start = 0; start < chunk.byteLength; start += PIECE) {
        const piece = chunk.subarray(start, start + PIECE);
        await output.append(piece);
        if (hasher === undefined) intake.hash(piece);
        else {
          await hasher.update(piece);
          intake.hashedElsewhere(piece.byteLength);
        }
      }
    }
    return intake.finish(await hasher?.digest());
  } finally {
    hasher?.close();
  }
}

async function copyWhole(slice: FileSlice, writing: Writing) {
  writing.intake.count(slice.length);
  // Before the file is made, so that a thread can start meanwhile.
  const lane = await writing.options.lanes?.enter(slice.length);
  try {
    return await copyBy(lane?.copy ?? copySlice, slice, writing);
  } finally {
    lane?.leave();
  }
}

async function copyBy(
  copyJob: typeof copySlice,
  slice: FileSlice,
  { intake, output, options: { algorithm, attempt, expected }, signal }: Writing,
) {
  const present = await output.present();
  const copy = async (kept: number) => {
    const digest = await output.fill(slice.length, (to, onWritten) => {
      const onBytes = (count: number) => {
        onWritten(count);
        intake.hashedElsewhere(count);
      };
      const explain = (error: unknown, side: CopySide) =>
        side === 'to' ? fromSystemError(error, attempt) : error;
      const job = { from: slice, to: { file: to, at: 0, kept }, algorithm };
      return copyJob(job, { signal, onBytes, explain });
    });
    return intake.finish(digest);
  };
  // Only a digest tells whether what the file had was right.
  if (expected !== undefined && present > 0 && present <= slice.length) {
    try {
      return await copy(present);
    } catch (error) {
      // Either what the file had was wrong, or the source is. Only the source by itself can tell.
      if (!isStowageError(error, 'MISMATCH')) throw error;
    }
  }
  if (present > 0) {
    await output.startOver();
    intake.startOver();
  }
  return copy(0);
}
