import { checkLabels } from '../../content/labels.js';
import { checkDigest, checkSize, ingestAborted, ingestClosed } from '../../content/ingest-terms.js';
import type { CommitOptions, Ingest, IngestStatus } from '../../content/ingests.js';
import type { CallOptions, Labels, Stored } from '../../content/store.js';
import { errnoOf, fromSystemError, StowageError } from '../../errors.js';
import type { Bytes } from '../../io/byte-source.js';
import { createHasher, type Hasher } from '../../io/hash.js';
import { algorithmOf, type Algorithm, type Digest } from '../../oci/digest.js';
import { BLOB_MODE, PIECE, writeAll } from './blob-file.js';
import type { OpenFile } from './files.js';
import { openData } from './ingest.js';
import type { IngestFolder } from './ingest-folder.js';
import { forgetProgress, progressIn, saveProgress } from './ingest-progress.js';
import type { Place } from './place.js';
import { openBlob, readBlob } from './read-blob.js';

/** After so many bytes the disk is told to take them; at most twice as many are lost with the process that wrote them. */
const SYNC_EVERY = 8 << 20;

/** A blob that another namespace holds. */
export interface SharedBlob {
  readonly digest: Digest;
  readonly size: number;
}

/** What is recorded with content that an ingest becomes. */
export interface IngestedOptions extends CallOptions {
  readonly labels: Labels;
  /** The reference that leases need not keep any more. */
  readonly ref: string;
}

/** What an open ingest needs of the content it is to become. */
export interface IngestContent {
  /** Makes synced bytes content; `data` answers where they are when they are needed. */
  commit(content: SharedBlob, data: () => string, options: IngestedOptions): Promise<Stored>;
  /** Makes a blob of another namespace content; undefined if it is not there any more. */
  link(shared: SharedBlob, options: IngestedOptions): Promise<Stored | undefined>;
  readonly onClosed: (ingest: Ingest) => void;
}

/** An ingest somebody has open. */
export class DirIngest implements Ingest {
  readonly #place: Place;
  readonly #folder: IngestFolder;
  readonly #content: IngestContent;
  readonly #algorithm: Algorithm;
  #hasher: Hasher;
  #file: OpenFile | undefined;
  #shared: SharedBlob | undefined;
  /** The file of what is shared: open, its bytes stay though everybody else lets go of it. */
  #source: OpenFile | undefined;
  #offset: number;
  #updatedAt: Date;
  #unsynced = 0;
  #syncing: Promise<void> | undefined;
  /** The first failure of a sync. It must not be lost: a later sync does not tell of it again. */
  #failure: { readonly error: unknown } | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    place: Place,
    folder: IngestFolder,
    content: IngestContent,
    found: {
      hasher: Hasher;
      file?: OpenFile;
      shared?: SharedBlob;
      source?: OpenFile;
      offset: number;
      updatedAt: Date;
    },
  ) {
    this.#place = place;
    this.#folder = folder;
    this.#content = content;
    this.#algorithm = algorithmFor(folder);
    this.#hasher = found.hasher;
    this.#file = found.file;
    this.#shared = found.shared;
    this.#source = found.source;
    this.#offset = found.offset;
    this.#updatedAt = found.updatedAt;
  }

  /**
   * Takes over a folder with what is certain of its bytes, which are hashed again; or, where there are none, the blob
   * of another namespace, which is not read.
   */
  static async open(
    place: Place,
    folder: IngestFolder,
    content: IngestContent,
    shared: SharedBlob | undefined,
  ): Promise<DirIngest> {
    const { files } = place;
    const { startedAt } = folder.terms;
    const progress = await progressIn(files, folder.path);
    const updatedAt = progress?.updatedAt ?? startedAt;
    const synced = progress?.synced ?? 0;
    const source = synced === 0 && shared !== undefined ? await openBlob(place, shared.digest) : undefined;
    if (shared !== undefined && source !== undefined) {
      const hasher = createHasher(algorithmFor(folder));
      const found = { hasher, shared, source, offset: shared.size, updatedAt };
      return new DirIngest(place, folder, content, found);
    }
    const file = await openData(files, folder.data);
    try {
      const { size } = await file.stat();
      const offset = Math.min(size, synced);
      if (size > offset) await file.truncate(offset);
      const hasher = await hashOf(readTo(file, offset), algorithmFor(folder));
      return new DirIngest(place, folder, content, { hasher, file, offset, updatedAt });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get status(): IngestStatus & { readonly digest: Digest } {
    const { ref, total, expected, startedAt } = this.#folder.terms;
    const [offset, updatedAt] = [this.#offset, this.#updatedAt];
    const digest = this.#shared?.digest ?? this.#hasher.soFar();
    return { ref, offset, total, expected, startedAt, updatedAt, digest };
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    await this.#attempted(async () => {
      await this.#unshare();
      await this.#append(bytes);
    });
  }

  async truncate(): Promise<void> {
    this.#requireOpen();
    await this.#attempted(async () => {
      await this.#settle();
      this.#shared = undefined;
      await this.#closeSource();
      await this.#startOver();
    });
    this.#updatedAt = new Date();
  }

  async commit(options: CommitOptions = {}): Promise<Stored> {
    this.#requireOpen();
    const { ref, total, expected } = this.#folder.terms;
    const { labels = {}, size = total, expect = expected, signal } = options;
    try {
      signal?.throwIfAborted();
      checkLabels(labels, `ingest ${JSON.stringify(ref)}`);
      checkSize(this.status, size);
      const stored = await this.#attempted(() =>
        this.#shared !== undefined && (expect === undefined || algorithmOf(expect) === this.#algorithm)
          ? this.#commitShared(this.#shared, expect, { labels, signal, ref })
          : this.#commitBytes(expect, { labels, signal, ref }),
      );
      this.#closing ??= this.#discard();
      await this.#closing;
      return stored;
    } catch (error) {
      // What keeps the bytes from being kept is of no interest besides what kept them from being committed.
      await this.close().catch(() => {});
      throw error;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #commitShared(
    shared: SharedBlob,
    expect: Digest | undefined,
    options: IngestedOptions,
  ): Promise<Stored> {
    const { ref } = options;
    checkDigest(ref, shared.digest, expect);
    const stored = await this.#content.link(shared, options);
    return stored ?? this.#commitBytes(shared.digest, options);
  }

  async #commitBytes(expect: Digest | undefined, options: IngestedOptions): Promise<Stored> {
    const { ref } = options;
    await this.#unshare();
    const file = await this.#openFile();
    await this.#settle();
    const other = expect !== undefined && algorithmOf(expect) !== this.#algorithm;
    const digest = other
      ? (await hashOf(readTo(file, this.#offset), algorithmOf(expect))).digest()
      : this.#hasher.soFar();
    checkDigest(ref, digest, expect);
    // A write that failed may have left more.
    if ((await file.stat()).size > this.#offset) await file.truncate(this.#offset);
    await file.chmod(BLOB_MODE);
    await file.datasync();
    const data = () => {
      if (!this.#folder.isOurs()) throw ingestAborted(ref);
      return this.#folder.data;
    };
    return this.#content.commit({ digest, size: this.#offset }, data, options);
  }

  /** Makes a copy of what another namespace holds, to write to. */
  async #unshare(): Promise<void> {
    const shared = this.#shared;
    if (shared === undefined) return;
    // Reading closes it; who tries again after a failure opens what is there then.
    const source = this.#source ?? (await openBlob(this.#place, shared.digest));
    this.#source = undefined;
    if (source === undefined) throw sharedIsGone(this.#folder.terms.ref, shared.digest);
    try {
      await this.#startOver();
    } catch (error) {
      await source.close();
      throw error;
    }
    for await (const chunk of readBlob(source, shared, undefined)) await this.#append(chunk);
    this.#shared = undefined;
  }

  async #closeSource(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    await source?.close().catch(() => {});
  }

  async #startOver(): Promise<void> {
    const file = await this.#openFile();
    await forgetProgress(this.#place.files, this.#folder.path);
    await file.truncate(0);
    this.#hasher = createHasher(this.#algorithm);
    this.#offset = 0;
    this.#unsynced = 0;
  }

  async #append(bytes: Uint8Array): Promise<void> {
    this.#throwFailure();
    const file = await this.#openFile();
    if (bytes.byteLength > 0) await writeAll(file, [bytes], this.#offset);
    this.#hasher.update(bytes);
    this.#offset += bytes.byteLength;
    this.#updatedAt = new Date();
    this.#unsynced += bytes.byteLength;
    if (this.#unsynced < SYNC_EVERY) return;
    // Whoever writes faster than the disk takes it waits, so that a crash does not cost more.
    await this.#settle();
    this.#unsynced = 0;
    this.#syncing = this.#sync(file)
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => (this.#syncing = undefined));
  }

  async #sync(file: OpenFile): Promise<void> {
    const progress = { synced: this.#offset, updatedAt: this.#updatedAt };
    await file.datasync();
    if (await this.#folder.isStillOurs()) await saveProgress(this.#place.files, this.#folder.path, progress);
  }

  async #openFile(): Promise<OpenFile> {
    this.#file ??= await openData(this.#place.files, this.#folder.data);
    return this.#file;
  }

  async #close(): Promise<void> {
    await this.#closeSource();
    try {
      const file = this.#file;
      if (file === undefined) return;
      await this.#attempted(async () => {
        try {
          await this.#settle();
          if (this.#shared === undefined) await this.#sync(file);
        } finally {
          await file.close();
        }
      });
    } finally {
      await this.#release();
    }
  }

  /** After a commit. Should the folder stay, it is one that nobody has open and that expires. */
  async #discard(): Promise<void> {
    await this.#closeSource();
    await this.#file?.close().catch(() => {});
    await this.#folder.discard().catch(() => {});
    this.#content.onClosed(this);
  }

  async #release(): Promise<void> {
    try {
      await this.#folder.release('closed');
    } finally {
      this.#content.onClosed(this);
    }
  }

  async #settle(): Promise<void> {
    await this.#syncing;
    this.#throwFailure();
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #requireOpen(): void {
    if (this.#closing !== undefined) throw ingestClosed(this.#folder.terms.ref);
  }

  /** A folder that is gone was aborted; other errors of the disk say what was attempted. */
  async #attempted<T>(operation: () => Promise<T>): Promise<T> {
    try {
      return await operation();
    } catch (error) {
      const { ref } = this.#folder.terms;
      if (errnoOf(error) === 'ENOENT' && !(await this.#folder.isStillOurs())) throw ingestAborted(ref);
      const where = `ingest ${JSON.stringify(ref)} in ${JSON.stringify(this.#place.paths.root)}`;
      throw fromSystemError(error, `Cannot write ${where}`);
    }
  }
}

function algorithmFor({ terms: { expected } }: IngestFolder): Algorithm {
  return expected === undefined ? 'sha256' : algorithmOf(expected);
}

async function* readTo(file: OpenFile, end: number): Bytes {
  const buffer = Buffer.allocUnsafeSlow(PIECE);
  for (let position = 0; position < end;) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(PIECE, end - position), position);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

async function hashOf(bytes: Bytes, algorithm: Algorithm): Promise<Hasher> {
  const hasher = createHasher(algorithm);
  for await (const chunk of bytes) hasher.update(chunk);
  return hasher;
}

function sharedIsGone(ref: string, digest: Digest): StowageError {
  return new StowageError(
    'CONFLICT',
    `Cannot commit ingest ${JSON.stringify(ref)}: blob ${JSON.stringify(digest)} is not held by another namespace any more`,
    { detail: { ref, digest }, hint: 'open it again and write its bytes' },
  );
}
