import { checkLabels } from '../../content/labels.js';
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
  ListOptions,
  PutOptions,
  ReadOptions,
  Stored,
  Target,
} from '../../content/store.js';
import type { ByteSource, Bytes } from '../../io/byte-source.js';
import { abortable } from '../../io/signals.js';
import { wrongSize } from '../../io/verify.js';
import type { Digest } from '../../oci/digest.js';
import * as blobs from './blobs.js';
import type { OpenFile } from './files.js';
import { findOutlines } from './outlines.js';
import { damaged, openBlob, readBlob, sliceOf } from './read-blob.js';
import { commitBlob, putBytes, putHeld, relabel } from './put-blob.js';
import { PAGE, paged } from './paged.js';
import { withReserve } from './reserve.js';
import { BLOB, BLOB_COLUMNS, blobInfoOf } from './rows.js';
import { hold, requireLease, requireWritable, type View } from './view.js';
import { DirIngests, type IngestedContent } from './ingests.js';

const NEXT_PAGE = `SELECT ${BLOB_COLUMNS} FROM content c JOIN blobs b USING (digest)
  WHERE c.namespace = ? AND c.digest > ? ORDER BY c.digest LIMIT ${PAGE}`;

/** The blobs of one namespace. */
export class DirContent implements LocalContent, OutlineMemory, SliceSource {
  readonly #view: View;
  readonly #open: Set<OpenIngest>;

  /** `open` gets every ingest opened here, until it is closed. */
  constructor(view: View, open: Set<OpenIngest>) {
    this.#view = view;
    this.#open = open;
  }

  get #ingests(): DirIngests {
    const content: IngestedContent = {
      holds: async (digest, options) =>
        (await this.info(digest, options)) !== undefined &&
        (await this.claim([{ digest }], options)).has(digest),
      commit: (written, data, options) => commitBlob(this.#view, written, data, options),
      link: (shared, options) => putHeld(this.#view, shared, options.labels, options),
    };
    return new DirIngests(this.#view, content, this.#open);
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
      const held = await putHeld(this.#view, target, labels, options);
      if (held !== undefined) return held;
    }
    return putBytes(this.#view, target, await open(), what, options);
  }

  list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    const { place, namespace } = this.#view;
    return paged<BlobInfo>(
      place.connection,
      (queries, after) => queries.all(NEXT_PAGE, namespace, after?.digest ?? options.after ?? ''),
      blobInfoOf,
      options,
    );
  }

  async info(digest: Digest, options: CallOptions = {}): Promise<BlobInfo | undefined> {
    const { place, namespace } = this.#view;
    const row = await place.connection.read((queries) => queries.get(BLOB, namespace, digest), options);
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
    const change = () =>
      place.connection.transaction((transaction) => {
        if (!relabel(this.#view, transaction, digest, changes)) throw blobNotFound(digest);
        return blobInfoOf(transaction.get(BLOB, namespace, digest) ?? {});
      }, options);
    const removes = Object.values(changes).every((value) => value === null);
    return removes ? withReserve(place, change) : change();
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
}
