import { fromSystemError, isStowageError } from '../../errors.js';
import { readFully } from '../../io/byte-source.js';
import { PIECE } from '../../io/each-piece.js';
import { SyncMeanwhile } from '../../io/sync-meanwhile.js';
import { writeFully } from '../../io/write-fully.js';
import type { OpenFile } from './files.js';

/** Bytes that may wait to be written while more are taken in. */
const PENDING_LIMIT = 4 * PIECE;

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
  readonly #sync: SyncMeanwhile;
  readonly #writes = new Set<Promise<void>>();
  /** Whether the file had everything before that was written so far; it is cut where it had not. */
  #matching: Promise<boolean> = Promise.resolve(true);
  /** The first failure of a write or a sync. It must not be lost: a later sync does not tell of it again. */
  #failure: { readonly error: unknown } | undefined;

  constructor({ create, attempt }: BlobFileOptions) {
    this.#create = create;
    this.#attempt = attempt;
    this.#sync = new SyncMeanwhile(async () => {
      try {
        await (await this.#open()).file.datasync();
      } catch (error) {
        throw this.#fail(error);
      }
    });
  }

  /** Opens the file, and answers how many bytes it has. */
  async present(): Promise<number> {
    return (await this.#attempted(() => this.#open())).present;
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
   * Has somebody else see to it that the file has `length` bytes, in place of any write, and say how far they are as it
   * goes on.
   *
   * @throws whatever `write` throws; it says itself which file is meant.
   */
  async fill<T>(
    length: number,
    write: (file: OpenFile, onWritten: (count: number) => void) => Promise<T>,
  ): Promise<T> {
    const { file } = await this.#attempted(() => this.#open());
    const result = await write(file, (count) => this.#sync.add(count));
    this.#position = length;
    this.#throwFailure();
    return result;
  }

  /** Starts to write where the last write ends. */
  async #write(pieces: readonly Uint8Array[], length: number): Promise<void> {
    const position = this.#position;
    this.#position += length;
    this.#pending += length;
    const write = this.#writeAt(position, pieces, length).catch((error: unknown) => void this.#fail(error));
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
    await Promise.all([...this.#writes, this.#sync.settle()]);
    const begun = await this.#begun?.catch(() => undefined);
    await begun?.file.close().catch(() => {});
  }

  #open(): Promise<BegunFile> {
    this.#begun ??= this.#create();
    return this.#begun;
  }

  #flush(): void {
    if (this.#heldBytes === 0) return;
    void this.#write(this.#held, this.#heldBytes);
    this.#held = [];
    this.#heldBytes = 0;
  }

  async #writeAt(position: number, pieces: readonly Uint8Array[], length: number): Promise<void> {
    const { file, present } = await this.#open();
    if (present > 0 && (await this.#matches(pieces, position, length))) return;
    await writeFully(file, pieces, position);
    this.#sync.add(length);
  }

  /** Whether the file has had these bytes all along. The first that it has not are where it is cut, before any is written. */
  #matches(pieces: readonly Uint8Array[], position: number, length: number): Promise<boolean> {
    this.#matching = this.#matching.then(async (before) => {
      if (!before) return false;
      const { file, present } = await this.#open();
      if (position + length <= present && (await has(file, position, pieces, length))) return true;
      await file.truncate(position);
      return false;
    });
    return this.#matching;
  }

  /** Until nothing is under way any more. */
  async #settle(): Promise<void> {
    await Promise.all(this.#writes);
    await this.#sync.settle();
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

/** Whether the file has these bytes from a position on. */
async function has(
  file: OpenFile,
  position: number,
  pieces: readonly Uint8Array[],
  length: number,
): Promise<boolean> {
  try {
    const slice = { file, offset: position, length };
    return areIn(await readFully(slice, position, Buffer.allocUnsafeSlow(length)), pieces);
  } catch (error) {
    if (isStowageError(error, 'MISMATCH')) return false;
    throw error;
  }
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
