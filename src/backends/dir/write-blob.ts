import { chunksOf, isFileSlice, readFully, type ByteSource, type FileSlice } from '../../io/byte-source.js';
import { createHasher, type Hasher } from '../../io/hash.js';
import { wrongDigest, wrongSize, type Expected } from '../../io/verify.js';
import type { Algorithm, Digest } from '../../oci/digest.js';
import { BlobFile, PIECE } from './blob-file.js';
import type { OpenFile } from './files.js';

/** How many buffers take turns when a file is read: one is read into, one hashed, one written. */
const BUFFERS = 3;

export interface WriteBlobOptions {
  readonly algorithm: Algorithm;
  readonly expected: Expected | undefined;
  /** Called when the first bytes are to be written; content of one piece at most is proven before that. */
  readonly create: () => Promise<OpenFile>;
  /** What is attempted, for errors of the disk: `Cannot store blob "sha256:…" in "/root"`. */
  readonly attempt: string;
  readonly onBytes: ((count: number) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Writes a source into a new file. Reading, hashing and writing overlap. When it resolves the file is closed, has
 * its final mode, is on the disk, and is what was expected.
 *
 * @throws {StowageError} MISMATCH if it is not; whatever the source or the file throws.
 */
export async function writeBlob(
  source: ByteSource,
  options: WriteBlobOptions,
): Promise<{ readonly digest: Digest; readonly size: number }> {
  const intake = new Intake(options);
  const output = new BlobFile(options);
  try {
    if (isFileSlice(source) && source.length > PIECE) await copySlice(source, intake, output, options.signal);
    else await copyChunks(source, intake, output, options.signal);
    const result = intake.finish();
    await output.finish();
    return result;
  } catch (error) {
    await output.abandon();
    throw error;
  }
}

/** Counts and hashes what comes in, and compares it with what was announced. */
class Intake {
  readonly #expected: Expected | undefined;
  readonly #onBytes: ((count: number) => void) | undefined;
  readonly #hasher: Hasher;
  #count = 0;

  constructor({ algorithm, expected, onBytes }: WriteBlobOptions) {
    this.#hasher = createHasher(algorithm);
    this.#expected = expected;
    this.#onBytes = onBytes;
  }

  /** Refuses more than was announced, before any of it is written. */
  count(length: number): void {
    this.#count += length;
    const expected = this.#expected;
    if (expected?.size !== undefined && this.#count > expected.size) {
      throw wrongSize(expected, this.#naming(expected), { atLeast: this.#count });
    }
  }

  hash(piece: Uint8Array): void {
    this.#hasher.update(piece);
    this.#onBytes?.(piece.byteLength);
  }

  finish(): { readonly digest: Digest; readonly size: number } {
    const expected = this.#expected;
    if (expected?.size !== undefined && this.#count < expected.size) {
      throw wrongSize(expected, this.#naming(expected), { actual: this.#count });
    }
    const digest = this.#hasher.digest();
    if (expected !== undefined && digest !== expected.digest) {
      throw wrongDigest(expected, this.#naming(expected), digest);
    }
    return { digest, size: this.#count };
  }

  #naming({ digest }: Expected) {
    return { what: `blob ${JSON.stringify(digest)}`, code: 'MISMATCH' } as const;
  }
}

async function copyChunks(
  source: ByteSource,
  intake: Intake,
  output: BlobFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  for await (const chunk of chunksOf(source, { signal })) {
    intake.count(chunk.byteLength);
    for (let start = 0; start < chunk.byteLength; start += PIECE) {
      const piece = chunk.subarray(start, start + PIECE);
      await output.append(piece);
      intake.hash(piece);
    }
  }
}

/**
 * Reads with positioned reads into buffers that take turns. While one is hashed on this thread, the next one is read
 * and the last one is written on others.
 */
async function copySlice(
  slice: FileSlice,
  intake: Intake,
  output: BlobFile,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffers = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(PIECE));
  const writes: Promise<void>[] = [];
  let reading: Promise<Buffer> | undefined;
  let position = 0;
  const readNext = (buffer: Buffer) => {
    const length = Math.min(PIECE, slice.length - position);
    const read =
      length === 0 ? undefined : readFully(slice, slice.offset + position, buffer.subarray(0, length));
    read?.catch(() => {});
    position += length;
    return read;
  };
  intake.count(slice.length);
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
