import { chunksOf, isFileSlice, type ByteSource, type FileSlice } from '../../io/byte-source.js';
import { fromSystemError, StowageError } from '../../errors.js';
import { createHasher, type Hasher } from '../../io/hash.js';
import { wrongDigest, wrongSize, type Expected } from '../../io/verify.js';
import type { Algorithm, Digest } from '../../oci/digest.js';
import type { OpenFile } from './files.js';

/** The unit of reading, hashing and writing. */
const PIECE = 1 << 20;

/** How many buffers take turns when a file is read: one is read into, one hashed, one written. */
const BUFFERS = 3;

/** Bytes that may wait to be written while more are taken in. */
const PENDING_LIMIT = 4 * PIECE;

/**
 * After so many bytes the disk is told to take what is written, while hashing goes on: one sync at the end would
 * leave the disk idle meanwhile, and then everybody waiting for it (measured: 1.5 times as long).
 */
const SYNC_EVERY = 32 * PIECE;

/** Committed blobs never change. */
const BLOB_MODE = 0o444;

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
  const output = new Output(options);
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

/** A file that is written in order, several writes at a time, and synced on the way. */
class Output {
  readonly #create: () => Promise<OpenFile>;
  readonly #attempt: string;
  #file: Promise<OpenFile> | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #position = 0;
  #pending = 0;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  readonly #writes = new Set<Promise<void>>();
  /** The first failure of a write or a sync. It must not be lost: a later sync does not tell of it again. */
  #failure: { readonly error: unknown } | undefined;

  constructor({ create, attempt }: WriteBlobOptions) {
    this.#create = create;
    this.#attempt = attempt;
  }

  /** Starts to write where the last write ends; resolves when the pieces may change again. */
  async write(pieces: readonly Uint8Array[], length: number): Promise<void> {
    this.#throwFailure();
    const position = this.#position;
    this.#position += length;
    this.#pending += length;
    const write = this.#write(pieces, position, length).catch((error: unknown) => this.#fail(error));
    this.#writes.add(write);
    await write;
    this.#writes.delete(write);
    this.#pending -= length;
  }

  /** Takes a chunk to write it together with its neighbours; waits while too much is on its way to the disk. */
  async append(chunk: Uint8Array): Promise<void> {
    this.#throwFailure();
    this.#held.push(chunk);
    this.#heldBytes += chunk.byteLength;
    if (this.#heldBytes >= PIECE) this.#flush();
    while (this.#pending > PENDING_LIMIT) await Promise.race(this.#writes);
  }

  /** Writes and syncs the rest and closes the file. */
  async finish(): Promise<void> {
    this.#flush();
    await Promise.all(this.#writes);
    await this.#syncing;
    this.#throwFailure();
    try {
      const file = await this.#open();
      await file.chmod(BLOB_MODE);
      await file.datasync();
      this.#file = undefined;
      await file.close();
    } catch (error) {
      this.#fail(error);
    }
    this.#throwFailure();
  }

  /** Closes the file whatever state it is in. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#writes, this.#syncing]);
    const file = await this.#file?.catch(() => undefined);
    await file?.close().catch(() => {});
  }

  #open(): Promise<OpenFile> {
    this.#file ??= this.#create();
    return this.#file;
  }

  #flush(): void {
    if (this.#heldBytes === 0) return;
    this.write(this.#held, this.#heldBytes).catch(() => {});
    this.#held = [];
    this.#heldBytes = 0;
  }

  async #write(pieces: readonly Uint8Array[], position: number, length: number): Promise<void> {
    const file = await this.#open();
    await writeAll(file, pieces, position);
    this.#unsynced += length;
    if (this.#unsynced < SYNC_EVERY || this.#syncing !== undefined) return;
    this.#unsynced = 0;
    this.#syncing = file
      .datasync()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  #fail(error: unknown): void {
    this.#failure ??= { error: fromSystemError(error, this.#attempt) };
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

async function writeAll(file: OpenFile, pieces: readonly Uint8Array[], position: number): Promise<void> {
  let rest = pieces;
  for (let at = position; rest.length > 0;) {
    const { bytesWritten } = await file.writev(rest as Uint8Array[], at);
    at += bytesWritten;
    rest = after(rest, bytesWritten);
  }
}

/** What remains of the pieces behind their first `count` bytes. */
function after(pieces: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let skipped = count;
  for (const [place, piece] of pieces.entries()) {
    if (skipped < piece.byteLength) return [piece.subarray(skipped), ...pieces.slice(place + 1)];
    skipped -= piece.byteLength;
  }
  return [];
}

async function copyChunks(
  source: ByteSource,
  intake: Intake,
  output: Output,
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
  output: Output,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffers = Array.from({ length: BUFFERS }, () => Buffer.allocUnsafeSlow(PIECE));
  const writes: Promise<void>[] = [];
  let reading: Promise<Buffer> | undefined;
  let position = 0;
  const readNext = (buffer: Buffer) => {
    const length = Math.min(PIECE, slice.length - position);
    const read = length === 0 ? undefined : readPiece(slice, position, buffer.subarray(0, length));
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

async function readPiece(slice: FileSlice, position: number, buffer: Buffer): Promise<Buffer> {
  const start = slice.offset + position;
  for (let filled = 0; filled < buffer.byteLength;) {
    const { bytesRead } = await slice.file.read(buffer, filled, buffer.byteLength - filled, start + filled);
    if (bytesRead === 0) {
      throw new StowageError(
        'MISMATCH',
        `Cannot read ${slice.length} bytes at position ${slice.offset} of a file: it ends at ${start + filled}`,
        {
          detail: { offset: slice.offset, length: slice.length, end: start + filled },
          hint: 'the file is cut short, or was changed while it was read',
        },
      );
    }
    filled += bytesRead;
  }
  return buffer;
}
