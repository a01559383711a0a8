import { eachPiece } from '../../io/each-piece.js';
import { createHasher, type Hasher } from '../../io/hash.js';
import { SyncMeanwhile } from '../../io/sync-meanwhile.js';
import { writeFully } from '../../io/write-fully.js';
import type { Algorithm, Digest } from '../../oci/digest.js';
import { BLOB_MODE } from './blob-file.js';
import type { Files, OpenFile } from './files.js';
import { openData } from './ingest-data.js';
import type { IngestFolder } from './ingest-folder.js';
import { forgetProgress, saveProgress, type IngestProgress } from './ingest-progress.js';

/** After so many bytes the disk is told to take them; at most twice as many are lost with the process that wrote them. */
const SYNC_EVERY = 8 << 20;

/**
 * The bytes of an open ingest: appended, hashed on the way, and synced now and then, with a record of how many of them
 * are certain. Whoever appends faster than the disk takes it waits, so that a crash does not cost more.
 */
export class IngestBytes {
  readonly #files: Files;
  readonly #folder: IngestFolder;
  readonly #algorithm: Algorithm;
  readonly #sync = new SyncMeanwhile(() => this.save(), { every: SYNC_EVERY });
  #file: OpenFile | undefined;
  #hasher: Hasher;
  #offset = 0;
  #updatedAt: Date;

  /** Of a folder whose bytes do not count; nothing is opened before some are appended. */
  constructor(files: Files, folder: IngestFolder, algorithm: Algorithm, updatedAt: Date) {
    this.#files = files;
    this.#folder = folder;
    this.#algorithm = algorithm;
    this.#hasher = createHasher(algorithm);
    this.#updatedAt = updatedAt;
  }

  /** Of a folder with what is certain of its bytes, which are hashed again. */
  static async resume(
    files: Files,
    folder: IngestFolder,
    algorithm: Algorithm,
    { synced, updatedAt }: IngestProgress,
  ): Promise<IngestBytes> {
    const bytes = new IngestBytes(files, folder, algorithm, updatedAt);
    const file = await bytes.#open();
    try {
      const { size } = await file.stat();
      const offset = Math.min(size, synced);
      if (size > offset) await file.truncate(offset);
      await hashFile(file, offset, bytes.#hasher);
      bytes.#offset = offset;
      return bytes;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** How many there are. */
  get offset(): number {
    return this.#offset;
  }

  /** Of all there are, with the algorithm of the ingest. */
  get digest(): Digest {
    return this.#hasher.soFar();
  }

  get updatedAt(): Date {
    return this.#updatedAt;
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#sync.check();
    await writeFully(await this.#open(), [bytes], this.#offset);
    this.#hasher.update(bytes);
    this.#offset += bytes.byteLength;
    this.#updatedAt = new Date();
    await this.#sync.addInTurn(bytes.byteLength);
  }

  /** Throws all of them away. */
  async startOver(): Promise<void> {
    await this.#sync.done();
    const file = await this.#open();
    await forgetProgress(this.#files, this.#folder.path);
    await file.truncate(0);
    this.#hasher = createHasher(this.#algorithm);
    this.#offset = 0;
    this.#sync.forget();
    this.#updatedAt = new Date();
  }

  /** The digest of all there are, with any algorithm; with another one than that of the ingest they are read for it. */
  async digestWith(algorithm: Algorithm): Promise<Digest> {
    await this.#sync.done();
    if (algorithm === this.#algorithm) return this.digest;
    const hasher = createHasher(algorithm);
    await hashFile(await this.#open(), this.#offset, hasher);
    return hasher.digest();
  }

  /** Makes the file what a blob's is: nothing but these bytes, on the disk, never to be written again. */
  async finish(): Promise<void> {
    await this.#sync.done();
    const file = await this.#open();
    // A write that failed may have left more.
    if ((await file.stat()).size > this.#offset) await file.truncate(this.#offset);
    await file.chmod(BLOB_MODE);
    // With its permissions, which a sync of the data alone may leave out.
    await file.sync();
  }

  /** Puts what was appended by now on the disk, and records that it is there. */
  async save(): Promise<void> {
    const progress = { synced: this.#offset, updatedAt: this.#updatedAt };
    await this.#file?.datasync();
    if (await this.#folder.isStillOurs()) await saveProgress(this.#files, this.#folder.path, progress);
  }

  /** Closes the file once nothing is in flight; what is `kept` for somebody to go on with is saved before. */
  async close({ kept }: { readonly kept: boolean }): Promise<void> {
    const file = this.#file;
    if (file === undefined) return;
    try {
      await this.#sync.done();
      if (kept) await this.save();
    } finally {
      await file.close();
    }
  }

  async #open(): Promise<OpenFile> {
    this.#file ??= await openData(this.#files, this.#folder.data);
    return this.#file;
  }
}

async function hashFile(file: OpenFile, length: number, hasher: Hasher): Promise<void> {
  await eachPiece({ file, offset: 0, length }, (piece) => void hasher.update(piece));
}
