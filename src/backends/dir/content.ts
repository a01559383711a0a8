import { checkLabels, mergeLabels } from '../../content/labels.js';
import type { Outline, OutlineMemory } from '../../content/outline.js';
import { blobNotFound } from '../../content/read-range.js';
import type { OpenSlice, SliceSource } from '../../content/slices.js';
import type {
  Ingest as OpenIngest,
  IngestOptions,
  IngestStatus,
  LocalContent,
} from '../../content/ingests.js';
import type {
  BlobInfo,
  CallOptions,
  LabelChanges,
  Labels,
  ListOptions,
  PutOptions,
  ReadOptions,
  Stored,
  Target,
} from '../../content/store.js';
import { fromSystemError, StowageError } from '../../errors.js';
import type { ByteSource, Bytes } from '../../io/byte-source.js';
import { abortable } from '../../io/signals.js';
import { wrongSize } from '../../io/verify.js';
import { algorithmOf, type Digest } from '../../oci/digest.js';
import type { BegunFile } from './blob-file.js';
import * as blobs from './blobs.js';
import type { Transaction } from './database/connection.js';
import { Ingest } from './ingest.js';
import type { OpenFile } from './files.js';
import { findOutlines, outlineOfFile, recordOutline } from './outlines.js';
import { damaged, openBlob, readBlob, sliceOf } from './read-blob.js';
import { withReserve } from './reserve.js';
import { BLOB_COLUMNS, blobInfoOf, PAGE } from './rows.js';
import { hold, releaseFromLeases, requireLease, requireWritable, type View } from './view.js';
import { DirIngests, type IngestedContent } from './resumable.js';
import { writeBlob } from './write-blob.js';

const INFO = `SELECT ${BLOB_COLUMNS} FROM content c JOIN blobs b USING (digest) WHERE c.namespace = ? AND c.digest = ?`;

const NEXT_PAGE = `SELECT ${BLOB_COLUMNS} FROM content c JOIN blobs b USING (digest)
  WHERE c.namespace = ? AND c.digest > ? ORDER BY c.digest LIMIT ${PAGE}`;

/** The blobs of one namespace. */
export class DirContent implements LocalContent, OutlineMemory, SliceSource {
  readonly #view: View;
  readonly #ingests: DirIngests;

  /** `open` gets every ingest opened here, until it is closed. */
  constructor(view: View, open: Set<OpenIngest>) {
    this.#view = view;
    const content: IngestedContent = {
      holds: async (digest, options) =>
        (await this.info(digest, options)) !== undefined &&
        (await this.claim([{ digest }], options)).has(digest),
      commit: (written, data, options) => this.#commit(written, data, options),
      link: (shared, options) => this.#putHeld(shared, options.labels, options),
    };
    this.#ingests = new DirIngests(view, content, open);
  }

  async stat(target: Target, options: CallOptions = {}) {
    const info = await this.info(target.digest, options);
    return info && { digest: info.digest, size: info.size };
  }

  read(target: Target, options: ReadOptions = {}): Bytes {
    return abortable(this.#read(target, options), options.signal);
  }

  async openSlice(target: Target, options: CallOptions = {}): Promise<OpenSlice> {
    const info = await this.#require(target, options);
    return sliceOf(await this.#openFile(info.digest, options), info);
  }

  async claim(targets: readonly Target[], options: CallOptions = {}): Promise<ReadonlySet<Digest>> {
    const view = this.#view;
    if (view.lease !== undefined) requireWritable(view, 'claim content under a lease');
    const found = await view.place.connection.read((queries) => {
      requireLease(view, queries);
      return blobs.find(queries, view.namespace, targets);
    }, options);
    if (found.length === 0) return new Set();
    if (view.readOnly || (view.lease === undefined && found.every(({ state }) => state === 'live'))) {
      const there = await Promise.all(found.map((blob) => blobs.isThere(view.place, blob)));
      return new Set(found.filter((_, place) => there[place]).map(({ digest }) => digest));
    }
    return view.place.connection.transaction((transaction) => {
      requireLease(view, transaction);
      const held = blobs
        .find(transaction, view.namespace, targets)
        .filter((blob) => blobs.revive(view.place, transaction, blob));
      for (const { digest } of held) hold(view, transaction, digest);
      return new Set(held.map(({ digest }) => digest));
    }, options);
  }

  async put(
    target: Target | undefined,
    open: () => ByteSource | Promise<ByteSource>,
    options: PutOptions = {},
  ): Promise<Stored> {
    const { labels = {}, signal } = options;
    const what = target === undefined ? 'a blob' : `blob ${JSON.stringify(target.digest)}`;
    signal?.throwIfAborted();
    requireWritable(this.#view, `store ${what}`);
    checkLabels(labels, what);
    if (target !== undefined) {
      const held = await this.#putHeld(target, labels, options);
      if (held !== undefined) return held;
    }
    return this.#putBytes(target, await open(), what, options);
  }

  async *list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    const { place, namespace } = this.#view;
    for (let after = options.after ?? ''; ;) {
      const page = await place.connection.read(
        (queries) => queries.all(NEXT_PAGE, namespace, after),
        options,
      );
      for (const row of page) {
        options.signal?.throwIfAborted();
        const info = blobInfoOf(row);
        after = info.digest;
        yield info;
      }
      if (page.length < PAGE) return;
    }
  }

  async info(digest: Digest, options: CallOptions = {}): Promise<BlobInfo | undefined> {
    const { place, namespace } = this.#view;
    const row = await place.connection.read((queries) => queries.get(INFO, namespace, digest), options);
    return row && blobInfoOf(row);
  }

  async outlines(
    targets: readonly Target[],
    options: CallOptions = {},
  ): Promise<ReadonlyMap<Digest, Outline | undefined>> {
    const { place, namespace } = this.#view;
    return place.connection.read((queries) => findOutlines(queries, namespace, targets), options);
  }

  async setLabels(digest: Digest, changes: LabelChanges, options: CallOptions = {}): Promise<BlobInfo> {
    const what = `blob ${JSON.stringify(digest)}`;
    requireWritable(this.#view, `label ${what}`);
    checkLabels(changes, what);
    const { place, namespace } = this.#view;
    const relabel = () =>
      place.connection.transaction((transaction) => {
        if (!this.#relabel(transaction, digest, changes)) throw blobNotFound(digest);
        return blobInfoOf(transaction.get(INFO, namespace, digest) ?? {});
      }, options);
    const removes = Object.values(changes).every((value) => value === null);
    return removes ? withReserve(place, relabel) : relabel();
  }

  async delete(digest: Digest, options: CallOptions = {}): Promise<boolean> {
    const { place, namespace } = this.#view;
    requireWritable(this.#view, `delete blob ${JSON.stringify(digest)}`);
    const existed = await withReserve(place, () =>
      place.connection.transaction((transaction) => blobs.forget(transaction, namespace, digest), options),
    );
    if (existed) await blobs.sweep(place, digest);
    return existed;
  }

  openIngest(ref: string, options: IngestOptions = {}): Promise<OpenIngest> {
    return this.#ingests.open(ref, options);
  }

  ingests(options: CallOptions = {}): AsyncIterable<IngestStatus> {
    return this.#ingests.list(options);
  }

  ingest(ref: string, options: CallOptions = {}): Promise<IngestStatus | undefined> {
    return this.#ingests.get(ref, options);
  }

  abortIngest(ref: string, options: CallOptions = {}): Promise<boolean> {
    return this.#ingests.abort(ref, options);
  }

  async *#read(target: Target, options: ReadOptions): Bytes {
    const info = await this.#require(target, options);
    yield* this.#readFile(info, options.range, options);
  }

  async *#readFile(
    blob: { readonly digest: Digest; readonly size: number },
    range: ReadOptions['range'],
    options: CallOptions = {},
  ): Bytes {
    yield* readBlob(await this.#openFile(blob.digest, options), blob, range, this.#view.place.lanes);
  }

  /** @throws {StowageError} NOT_FOUND if the blob is not held; MISMATCH if its size is another than the target's. */
  async #require(target: Target, options: CallOptions): Promise<BlobInfo> {
    const info = await this.info(target.digest, options);
    if (info === undefined) throw blobNotFound(target.digest);
    if (target.size !== undefined && target.size !== info.size) {
      const what = `blob ${JSON.stringify(target.digest)}`;
      throw wrongSize(target, { what, code: 'MISMATCH' }, { actual: info.size });
    }
    return info;
  }

  async #openFile(digest: Digest, options: CallOptions): Promise<OpenFile> {
    const file = await openBlob(this.#view.place, digest);
    if (file !== undefined) return file;
    // Deleted since it was looked up, or lost.
    if ((await this.info(digest, options)) === undefined) throw blobNotFound(digest);
    throw damaged(digest, 'it is on record, but its file is gone');
  }

  /** Puts without bytes what this namespace or another one holds; undefined if bytes are needed. */
  async #putHeld(
    target: Target,
    labels: Labels,
    options: CallOptions & { readonly ref?: string },
  ): Promise<Stored | undefined> {
    const view = this.#view;
    const { blob, own } = await view.place.connection.read((queries) => {
      requireLease(view, queries);
      const own = queries.get(INFO, view.namespace, target.digest) !== undefined;
      return { blob: blobs.stored(queries, target), own };
    }, options);
    if (blob === undefined) return undefined;
    const { ref } = options;
    const nothingToRecord =
      own && view.lease === undefined && ref === undefined && Object.keys(labels).length === 0;
    if (nothingToRecord && blob.state === 'live' && (await blobs.isThere(view.place, blob))) {
      return { digest: blob.digest, size: blob.size, existed: true };
    }
    return view.place.connection.transaction((transaction) => {
      requireLease(view, transaction);
      const blob = blobs.stored(transaction, target);
      if (blob === undefined || !blobs.revive(view.place, transaction, blob)) return undefined;
      if (ref !== undefined) releaseFromLeases(transaction, view.namespace, 'ingests', ref);
      this.#record(transaction, blob.digest, labels);
      return { digest: blob.digest, size: blob.size, existed: true };
    }, options);
  }

  async #putBytes(
    target: Target | undefined,
    source: ByteSource,
    what: string,
    options: PutOptions,
  ): Promise<Stored> {
    const { place, namespace } = this.#view;
    const { signal, onBytes } = options;
    const begun: { ingest?: Ingest } = {};
    const put = place.puts.enter();
    const create = async (): Promise<BegunFile> => {
      begun.ingest = await Ingest.open(place, namespace, target ?? {}, options);
      return begun.ingest.openData();
    };
    const attempt = `Cannot store ${what} in ${JSON.stringify(place.paths.root)}`;
    try {
      const written = await writeBlob(source, {
        algorithm: target === undefined ? (options.algorithm ?? 'sha256') : algorithmOf(target.digest),
        expected: target,
        create,
        attempt,
        onBytes,
        signal,
        lanes: place.lanes,
      });
      const outline = await outlineOfFile(place.files, begun.ingest?.data, { ...target, ...written });
      const stored = await this.#commit(written, () => ownData(begun.ingest, attempt), {
        ...options,
        attempt,
        outline,
        ready: () => put.ready(),
      });
      // Should the folder stay, it is an orphan like that of a dead process, and no reason to call a stored blob a failure.
      await begun.ingest?.remove().catch(() => {});
      return stored;
    } catch (error) {
      // What cannot be tidied up any more is left for whoever tidies up after the dead.
      await begun.ingest?.fail(error).catch(() => {});
      throw error;
    } finally {
      put.leave();
    }
  }

  /** Makes written and synced bytes the blob, unless somebody else has done so meanwhile. */
  async #commit(
    { digest, size }: { readonly digest: Digest; readonly size: number },
    data: () => string,
    options: PutOptions & {
      readonly attempt?: string;
      readonly ref?: string;
      readonly outline?: Outline | undefined;
      /** Resolves when it is time to commit. */
      readonly ready?: () => Promise<void>;
    },
  ): Promise<Stored> {
    const { labels = {}, signal, attempt, ref, outline } = options;
    const view = this.#view;
    try {
      await blobs.prepareFolder(view.place, algorithmOf(digest));
      await options.ready?.();
      return await view.place.connection.transaction(
        (transaction) => {
          requireLease(view, transaction);
          const blob = blobs.stored(transaction, { digest, size });
          const present = blob !== undefined && blobs.revive(view.place, transaction, blob);
          const known = this.#record(transaction, digest, labels);
          if (ref !== undefined) releaseFromLeases(transaction, view.namespace, 'ingests', ref);
          if (!present) blobs.commit(view.place, transaction, data(), { digest, size });
          if (outline !== undefined) recordOutline(transaction, digest, outline);
          return { digest, size, existed: present && known };
        },
        { signal },
      );
    } catch (error) {
      throw attempt === undefined ? error : fromSystemError(error, attempt);
    }
  }

  /** Records that this namespace holds the blob, with these labels, and under the lease; whether it held it before. */
  #record(transaction: Transaction, digest: Digest, labels: Labels): boolean {
    const view = this.#view;
    const known = this.#relabel(transaction, digest, labels);
    if (!known) blobs.record(transaction, view, digest, mergeLabels({}, labels));
    hold(view, transaction, digest);
    return known;
  }

  /** False if the blob is not held. */
  #relabel(transaction: Transaction, digest: Digest, changes: LabelChanges): boolean {
    const { namespace } = this.#view;
    const row = transaction.get(INFO, namespace, digest);
    if (row === undefined) return false;
    if (Object.keys(changes).length === 0) return true;
    const labels = mergeLabels(blobInfoOf(row).labels, changes);
    transaction.run(
      'UPDATE content SET labels = ?, updated = ? WHERE namespace = ? AND digest = ?',
      JSON.stringify(labels),
      Date.now(),
      namespace,
      digest,
    );
    return true;
  }
}

/** @throws {StowageError} CONFLICT if somebody has thrown the bytes away. */
function ownData(ingest: Ingest | undefined, attempt: string): string {
  if (ingest?.isOurs() === true) return ingest.data;
  throw new StowageError('CONFLICT', `${attempt}: it was aborted while it was written`);
}
