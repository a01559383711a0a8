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
const BLOB_MODE = 0o444;

export interface BlobFileOptions {
  /** Called when the first bytes are to be written, or the file is finished without any. */
  readonly create: () => Promise<OpenFile>;
  /** What is attempted, for errors of the disk: `Cannot store blob "sha256:…" in "/root"`. */
  readonly attempt: string;
}

/** A file that is written in order, several writes at a time, and synced on the way. */
export class BlobFile {
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

  constructor({ create, attempt }: BlobFileOptions) {
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
