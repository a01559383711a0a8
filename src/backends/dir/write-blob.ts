import type { FileHandle } from 'node:fs/promises';
import { fromSystemError, isStowageError } from '../../errors.js';
import { chunksOf, isFileSlice, readFully, type ByteSource, type FileSlice } from '../../io/byte-source.js';
import type { CopyWorkers } from '../../io/copy-workers.js';
import type { Expected } from '../../io/verify.js';
import type { Algorithm, Digest } from '../../oci/digest.js';
import { BlobFile, PIECE, type BegunFile } from './blob-file.js';
import { BYTES_WORTH_A_LANE, type CopyLanes } from './copy-lanes.js';
import { Intake } from './intake.js';

/** How many buffers take turns when a file is read: one is read into, one hashed, one written. */
const BUFFERS = 3;

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
      isFileSlice(source) && source.length > PIECE ? copySlice(source, writing) : copyChunks(source, writing);
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

async function copySlice(slice: FileSlice, writing: Writing) {
  const { intake, output, options } = writing;
  const { expected, lanes } = options;
  intake.count(slice.length);
  const present = await output.present();
  // Only a digest tells whether what the file had was right.
  const mayResume = expected !== undefined && present > 0 && present <= slice.length;
  if (mayResume && (await hashPresent(present, writing))) {
    output.keep(present);
    await copyRest(slice, present, writing);
    try {
      return intake.finish();
    } catch (error) {
      // Either what the file had was wrong, or the source is. Only the source by itself can tell.
      if (!isStowageError(error, 'MISMATCH')) throw error;
    }
  }
  if (present > 0) {
    await output.startOver();
    intake.startOver();
  }
  const here = async () => {
    await copyRest(slice, 0, writing);
    return intake.finish();
  };
  if (lanes === undefined || slice.length < BYTES_WORTH_A_LANE) return here();
  return lanes.run(here, (workers) => copyElsewhere(slice, workers, writing));
}

/** Has a thread read, hash and write it all, so that no byte of it passes through this one. */
async function copyElsewhere(
  slice: FileSlice,
  workers: CopyWorkers,
  { intake, output, options: { algorithm, attempt }, signal }: Writing,
) {
  const digest = await output.fill(slice.length, async (to, onWritten) => {
    const onBytes = (count: number) => {
      onWritten(count);
      intake.hashedElsewhere(count);
    };
    try {
      return await workers.copy({ from: slice, to: to as FileHandle, at: 0, algorithm }, { signal, onBytes });
    } catch (error) {
      throw (error as NodeJS.ErrnoException).syscall === 'write' ? fromSystemError(error, attempt) : error;
    }
  });
  return intake.finish(digest);
}

/** Hashes what the file has; false if that cannot be read. */
async function hashPresent(present: number, { intake, output, signal }: Writing): Promise<boolean> {
  const buffers = [Buffer.allocUnsafeSlow(PIECE), Buffer.allocUnsafeSlow(PIECE)] as const;
  const pieceAt = (position: number) =>
    buffers[(position / PIECE) % 2 === 0 ? 0 : 1].subarray(0, Math.min(PIECE, present - position));
  const read = (position: number) => {
    const reading = output.readBack(position, pieceAt(position));
    reading.catch(() => {});
    return reading;
  };
  let reading = read(0);
  try {
    for (let position = 0; position < present; position += PIECE) {
      if (!(await reading)) return false;
      if (position + PIECE < present) reading = read(position + PIECE);
      signal?.throwIfAborted();
      intake.hash(pieceAt(position));
    }
    return true;
  } finally {
    await reading.catch(() => {});
  }
}

/**
 * Reads with positioned reads into buffers that take turns. While one is hashed on this thread, the next one is read
 * and the last one is written on others.
 */
async function copyRest(slice: FileSlice, start: number, { intake, output, signal }: Writing): Promise<void> {
  const buffers = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(PIECE));
  const writes: Promise<void>[] = [];
  let reading: Promise<Buffer> | undefined;
  let position = start;
  const readNext = (buffer: Buffer) => {
    const length = Math.min(PIECE, slice.length - position);
    const read =
      length === 0 ? undefined : readFully(slice, slice.offset + position, buffer.subarray(0, length));
    read?.catch(() => {});
    position += length;
    return read;
  };
  try {
    reading = readNext(buffers[0] as Buffer);
    for (let turn = 0; reading !== undefined; turn++) {
      signal?.throwIfAborted();
      const piece: Buffer = await reading;
      const next = (turn + 1) % BUFFERS;
      await writes[next];
      reading = readNext(buffers[next] as Buffer);
      const write = output.write([piece], piece.byteLength);
      write.catch(() => {});
      writes[turn % BUFFERS] = write;
      intake.hash(piece);
    }
    signal?.throwIfAborted();
  } finally {
    // A read in flight would use the file after its giver has closed it.
    await reading?.catch(() => {});
  }
}
