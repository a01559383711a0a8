import { checkLabels } from '../../content/labels.js';
import { checkDigest, checkSize, ingestAborted, ingestClosed } from '../../content/ingest-terms.js';
import type { CommitOptions, Ingest, IngestStatus } from '../../content/ingests.js';
import type { CallOptions, Labels, Stored } from '../../content/store.js';
import { errnoOf, fromSystemError, StowageError } from '../../errors.js';
import { algorithmOf, type Algorithm, type Digest } from '../../oci/digest.js';
import type { OpenFile } from './files.js';
import { takeBack } from './ingest-data.js';
import { IngestBytes } from './ingest-bytes.js';
import type { IngestFolder } from './ingest-folder.js';
import { progressIn } from './ingest-progress.js';
import type { Place } from './place.js';
import { openBlob, readBlob } from './read-blob.js';

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

/** What of an ingest is another blob for as long as nothing is written to it. */
interface Sharing {
  readonly shared: SharedBlob;
  /** The file of what is shared: open, its bytes stay though everybody else lets go of it. */
  readonly source: OpenFile;
}

/** An ingest somebody has open. */
export class DirIngest implements Ingest {
  readonly #place: Place;
  readonly #folder: IngestFolder;
  readonly #content: IngestContent;
  readonly #algorithm: Algorithm;
  readonly #bytes: IngestBytes;
  #shared: SharedBlob | undefined;
  #source: OpenFile | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    place: Place,
    folder: IngestFolder,
    content: IngestContent,
    bytes: IngestBytes,
    sharing?: Sharing,
  ) {
    this.#place = place;
    this.#folder = folder;
    this.#content = content;
    this.#algorithm = algorithmFor(folder);
    this.#bytes = bytes;
    this.#shared = sharing?.shared;
    this.#source = sharing?.source;
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
    const algorithm = algorithmFor(folder);
    await takeBack(place, folder);
    const { synced, updatedAt } = (await progressIn(files, folder.path)) ?? {
      synced: 0,
      updatedAt: folder.terms.startedAt,
    };
    const source = synced === 0 && shared !== undefined ? await openBlob(place, shared.digest) : undefined;
    if (shared !== undefined && source !== undefined) {
      const bytes = new IngestBytes(files, folder, algorithm, updatedAt);
      return new DirIngest(place, folder, content, bytes, { shared, source });
    }
    const bytes = await IngestBytes.resume(files, folder, algorithm, { synced, updatedAt });
    return new DirIngest(place, folder, content, bytes);
  }

  get status(): IngestStatus & { readonly digest: Digest } {
    const { ref, total, expected, startedAt } = this.#folder.terms;
    const { updatedAt } = this.#bytes;
    const { digest, size: offset } = this.#shared ?? { digest: this.#bytes.digest, size: this.#bytes.offset };
    return { ref, offset, total, expected, startedAt, updatedAt, digest };
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    await this.#attempted(async () => {
      await this.#unshare();
      await this.#bytes.append(bytes);
    });
  }

  async truncate(): Promise<void> {
    this.#requireOpen();
    await this.#attempted(async () => {
      this.#shared = undefined;
      await this.#closeSource();
      await this.#bytes.startOver();
    });
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
    const digest = await this.#bytes.digestWith(expect === undefined ? this.#algorithm : algorithmOf(expect));
    checkDigest(ref, digest, expect);
    await this.#bytes.finish();
    const data = () => {
      if (!this.#folder.isOurs()) throw ingestAborted(ref);
      return this.#folder.data;
    };
    return this.#content.commit({ digest, size: this.#bytes.offset }, data, options);
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
      await this.#bytes.startOver();
    } catch (error) {
      await source.close();
      throw error;
    }
    for await (const chunk of readBlob(source, shared, undefined)) await this.#bytes.append(chunk);
    this.#shared = undefined;
  }

  async #closeSource(): Promise<void> {
    const source = this.#source;
    this.#source = undefined;
    await source?.close().catch(() => {});
  }

  async #close(): Promise<void> {
    await this.#closeSource();
    try {
      await this.#attempted(() => this.#bytes.close({ kept: this.#shared === undefined }));
    } finally {
      await this.#release();
    }
  }

  /** After a commit. Should the folder stay, it is one that nobody has open and that expires. */
  async #discard(): Promise<void> {
    await this.#closeSource();
    await this.#bytes.close({ kept: false }).catch(() => {});
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

function sharedIsGone(ref: string, digest: Digest): StowageError {
  return new StowageError(
    'CONFLICT',
    `Cannot commit ingest ${JSON.stringify(ref)}: blob ${JSON.stringify(digest)} is not held by another namespace any more`,
    { detail: { ref, digest }, hint: 'open it again and write its bytes' },
  );
}
