import { fromSystemError } from '../../errors.js';
import type { OpenFile } from './files.js';

/** The unit of reading, hashing and writing. */
export const PIECE = 1 << 20;

/** Bytes that may wait to be written while more are taken in. */
const PENDING_LIMIT = 4 * PIECE;

/**
 * After so many bytes the disk is told to take what is written, while hashing goes on: one sync at the end would
 * leave the disk idle meanwhile, and then everybody waiting for it (measured: 1.5 times as long).
 */
const SYNC_EVERY = 32 * PIECE;

/** Committed blobs never change. */
export const BLOB_MODE = 0o444;

/** A file to write a blob into, open for reading and writing. */
export interface BegunFile {
  readonly file: OpenFile;
  /** Bytes that a write before this one left in it. Nothing is known of what they are. */
  readonly present: number;
}

export interface BlobFileOptions {
  /** Called when the first bytes are to be written, or the file is finished without any. */
  readonly create: () => Promise<BegunFile>;
  /** What is attempted, for errors of the disk: `Cannot store blob "sha256:…" in "/root"`. */
  readonly attempt: string;
}

/**
 * A file that is written in order, several writes at a time, and synced on the way. What it had before is compared
 * with what is written, and not written again as far as it is the same; in the end it has what was written, and
 * nothing else.
 */
export class BlobFile {
  readonly #create: () => Promise<BegunFile>;
  readonly #attempt: string;
  #begun: Promise<BegunFile> | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #position = 0;
  #pending = 0;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  readonly #writes = new Set<Promise<void>>();
  /** Whether the file had everything before that was written so far; it is cut where it had not. */
  #matching: Promise<boolean> = Promise.resolve(true);
  /** The first failure of a write or a sync. It must not be lost: a later sync does not tell of it again. */
  #failure: { readonly error: unknown } | undefined;

  constructor({ create, attempt }: BlobFileOptions) {
    this.#create = create;
    this.#attempt = attempt;
  }

  /** Opens the file, and answers how many bytes it has. */
  async present(): Promise<number> {
    return (await this.#attempted(() => this.#open())).present;
  }

  /** Fills the buffer with bytes the file had before; false if they are not there. */
  async readBack(position: number, buffer: Buffer): Promise<boolean> {
    return this.#attempted(async () => readBack((await this.#open()).file, position, buffer));
  }

  /** Takes the first `length` bytes of what the file had for written. */
  keep(length: number): void {
    this.#position = length;
  }

  /** Throws away all that is in the file. */
  async startOver(): Promise<void> {
    await this.#settle();
    await this.#attempted(async () => {
      const { file } = await this.#open();
      await file.truncate(0);
    });
    this.#position = 0;
    this.#matching = Promise.resolve(false);
  }

  /**
   * Has somebody else write `length` bytes into the file, which is empty, and say what was written as it goes on.
   *
   * @throws whatever `write` throws; it says itself which file is meant.
   */
  async fill<T>(
    length: number,
    write: (file: OpenFile, onWritten: (count: number) => void) => Promise<T>,
  ): Promise<T> {
    const { file } = await this.#attempted(() => this.#open());
    const result = await write(file, (count) => this.#wrote(file, count));
    this.#position = length;
    this.#throwFailure();
    return result;
  }

  /** Starts to write where the last write ends; resolves when the pieces may change again. */
  async write(pieces: readonly Uint8Array[], length: number): Promise<void> {
    this.#throwFailure();
    const position = this.#position;
    this.#position += length;
    this.#pending += length;
    const write = this.#write(pieces, position, length).catch((error: unknown) => void this.#fail(error));
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
    await this.#settle();
    await this.#attempted(async () => {
      const { file, present } = await this.#open();
      if (present > this.#position && (await this.#matching)) await file.truncate(this.#position);
      await file.chmod(BLOB_MODE);
      // Not only the data: that would leave the mode to chance.
      await file.sync();
      this.#begun = undefined;
      await file.close();
    });
  }

  /** Closes the file whatever state it is in. */
  async abandon(): Promise<void> {
    await Promise.all([...this.#writes, this.#syncing]);
    const begun = await this.#begun?.catch(() => undefined);
    await begun?.file.close().catch(() => {});
  }

  #open(): Promise<BegunFile> {
    this.#begun ??= this.#create();
    return this.#begun;
  }

  #flush(): void {
    if (this.#heldBytes === 0) return;
    this.write(this.#held, this.#heldBytes).catch(() => {});
    this.#held = [];
    this.#heldBytes = 0;
  }

  async #write(pieces: readonly Uint8Array[], position: number, length: number): Promise<void> {
    const { file, present } = await this.#open();
    if (present > 0 && (await this.#matches(pieces, position, length))) return;
    await writeAll(file, pieces, position);
    this.#wrote(file, length);
  }

  /** Has the disk take what is written, from time to time. */
  #wrote(file: OpenFile, length: number): void {
    this.#unsynced += length;
    if (this.#unsynced < SYNC_EVERY || this.#syncing !== undefined) return;
    this.#unsynced = 0;
    this.#syncing = file
      .datasync()
      .catch((error: unknown) => void this.#fail(error))
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  /** Whether the file has had these bytes all along. The first that it has not are where it is cut, before any is written. */
  #matches(pieces: readonly Uint8Array[], position: number, length: number): Promise<boolean> {
    this.#matching = this.#matching.then(async (before) => {
      if (!before) return false;
      const { file, present } = await this.#open();
      const old = Buffer.allocUnsafeSlow(length);
      if (position + length <= present && (await readBack(file, position, old)) && areIn(old, pieces)) {
        return true;
      }
      await file.truncate(position);
      return false;
    });
    return this.#matching;
  }

  /** Until nothing is under way any more. */
  async #settle(): Promise<void> {
    await Promise.all(this.#writes);
    await this.#syncing;
    this.#throwFailure();
  }

  async #attempted<T>(operation: () => Promise<T>): Promise<T> {
    this.#throwFailure();
    try {
      return await operation();
    } catch (error) {
      throw this.#fail(error);
    }
  }

  #fail(error: unknown): unknown {
    this.#failure ??= { error: fromSystemError(error, this.#attempt) };
    return this.#failure.error;
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

async function readBack(file: OpenFile, position: number, buffer: Buffer): Promise<boolean> {
  for (let filled = 0; filled < buffer.byteLength;) {
    const { bytesRead } = await file.read(buffer, filled, buffer.byteLength - filled, position + filled);
    if (bytesRead === 0) return false;
    filled += bytesRead;
  }
  return true;
}

/** Whether the pieces are, one after the other, these bytes. */
function areIn(bytes: Buffer, pieces: readonly Uint8Array[]): boolean {
  let position = 0;
  return pieces.every((piece) => {
    const start = position;
    position += piece.byteLength;
    return bytes.subarray(start, position).equals(piece);
  });
}

/** Writes the pieces one after the other from a position on, however much the system takes at a time. */
export async function writeAll(
  file: OpenFile,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<void> {
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
