import { checkLabels, mergeLabels } from '../../content/labels.js';
import { blobNotFound, rangeOf } from '../../content/read-range.js';
import type { Ingest, IngestOptions, IngestStatus, LocalContent } from '../../content/ingests.js';
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
import { chunksOf, type ByteSource, type Bytes } from '../../io/byte-source.js';
import { compareBytewise } from '../../io/bytewise.js';
import { createHasher } from '../../io/hash.js';
import { abortable } from '../../io/signals.js';
import { verifying } from '../../io/verify.js';
import type { Digest } from '../../oci/digest.js';
import { keyOf, releaseFromLeases, leaseOfView, type Namespace, type Place } from './place.js';
import { MemoryIngests } from './ingests.js';

/** Bytes one chunk of a read has; a chunk is a copy, since it belongs to whoever receives it. */
const CHUNK_BYTES = 1 << 20;

/** The blobs of one namespace, put under one lease where there is one. */
export class MemoryContent implements LocalContent {
  readonly #place: Place;
  readonly #namespace: Namespace;
  readonly #leaseId: string | undefined;
  readonly #ingests: MemoryIngests;

  constructor(place: Place, namespace: Namespace, leaseId: string | undefined) {
    this.#place = place;
    this.#namespace = namespace;
    this.#leaseId = leaseId;
    this.#ingests = new MemoryIngests(place, namespace, leaseId, this.#commit.bind(this));
  }

  async stat(target: Target, options: CallOptions = {}) {
    const info = await this.info(target.digest, options);
    return info && { digest: info.digest, size: info.size };
  }

  read(target: Target, options: ReadOptions = {}): Bytes {
    return abortable(this.#read(target, options.range), options.signal);
  }

  async claim(targets: readonly Target[], options: CallOptions = {}): Promise<ReadonlySet<Digest>> {
    options.signal?.throwIfAborted();
    const held = new Set<Digest>();
    for (const target of targets) if (this.#hold(target)) held.add(target.digest);
    return held;
  }

  async put(
    target: Target | undefined,
    open: () => ByteSource | Promise<ByteSource>,
    options: PutOptions = {},
  ): Promise<Stored> {
    const { labels = {}, algorithm = 'sha256', signal, onBytes } = options;
    signal?.throwIfAborted();
    checkLabels(labels, target === undefined ? 'a blob' : `blob ${JSON.stringify(target.digest)}`);
    if (target !== undefined && this.#hold(target)) {
      return this.#relabel(target.digest, labels, true);
    }
    if (target !== undefined) {
      const bytes = this.#place.shared(target.digest);
      if (bytes !== undefined && (target.size ?? bytes.byteLength) === bytes.byteLength) {
        return { ...this.#commit(target.digest, bytes, labels), existed: true };
      }
    }
    const incoming = chunksOf(await open(), { signal });
    const source =
      target === undefined
        ? incoming
        : verifying(incoming, target, { what: `blob ${JSON.stringify(target.digest)}`, code: 'MISMATCH' });
    const hasher = createHasher(algorithm);
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) {
      if (target === undefined) hasher.update(chunk);
      chunks.push(chunk);
      onBytes?.(chunk.byteLength);
    }
    signal?.throwIfAborted();
    return this.#commit(target?.digest ?? hasher.digest(), Buffer.concat(chunks), labels);
  }

  async *list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    const { after = '', signal } = options;
    signal?.throwIfAborted();
    const digests = [...this.#namespace.blobs.keys()].filter((digest) => compareBytewise(digest, after) > 0);
    for (const digest of digests.sort(compareBytewise)) {
      signal?.throwIfAborted();
      const info = this.#namespace.blobs.get(digest);
      if (info !== undefined) yield info;
    }
  }

  async info(digest: Digest, options: CallOptions = {}): Promise<BlobInfo | undefined> {
    options.signal?.throwIfAborted();
    return this.#namespace.blobs.get(digest);
  }

  async setLabels(digest: Digest, changes: LabelChanges, options: CallOptions = {}): Promise<BlobInfo> {
    options.signal?.throwIfAborted();
    checkLabels(changes, `blob ${JSON.stringify(digest)}`);
    const info = this.#namespace.blobs.get(digest);
    if (info === undefined) throw blobNotFound(digest);
    const changed = { ...info, labels: mergeLabels(info.labels, changes), updatedAt: new Date() };
    this.#namespace.blobs.set(digest, changed);
    return changed;
  }

  async delete(digest: Digest, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    if (!this.#namespace.blobs.delete(digest)) return false;
    releaseFromLeases(this.#namespace, { type: 'content', id: digest });
    this.#place.release(digest);
    return true;
  }

  openIngest(ref: string, options: IngestOptions = {}): Promise<Ingest> {
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

  async *#read(target: Target, range: ReadOptions['range']): Bytes {
    const { digest } = target;
    const bytes = this.#namespace.blobs.has(digest) ? this.#place.bytes.get(digest) : undefined;
    if (bytes === undefined) throw blobNotFound(digest);
    const { start, end } = rangeOf(range, bytes.byteLength);
    const copies = copiesOf(bytes.subarray(start, end));
    if (range !== undefined) yield* copies;
    else {
      const size = target.size ?? bytes.byteLength;
      yield* verifying(copies, { digest, size }, { what: `blob ${JSON.stringify(digest)}`, code: 'CORRUPT' });
    }
  }

  /** Whether the blob is held; if so, the lease holds it from now on. */
  #hold({ digest, size }: Target): boolean {
    const lease = leaseOfView(this.#namespace, this.#leaseId);
    const info = this.#namespace.blobs.get(digest);
    if (info === undefined || (size !== undefined && size !== info.size)) return false;
    const resource = { type: 'content', id: digest } as const;
    lease?.held.set(keyOf(resource), resource);
    return true;
  }

  #commit(digest: Digest, bytes: Uint8Array, labels: Labels): Stored {
    const known = this.#namespace.blobs.has(digest);
    if (!known) {
      const now = new Date();
      const info = { digest, size: bytes.byteLength, labels: {}, createdAt: now, updatedAt: now };
      leaseOfView(this.#namespace, this.#leaseId);
      this.#namespace.labels ??= {};
      this.#place.bytes.set(digest, this.#place.bytes.get(digest) ?? bytes);
      this.#namespace.blobs.set(digest, info);
    }
    this.#hold({ digest });
    return this.#relabel(digest, labels, known);
  }

  #relabel(digest: Digest, labels: Labels, existed: boolean): Stored {
    const info = this.#namespace.blobs.get(digest);
    if (info === undefined) throw blobNotFound(digest);
    if (Object.keys(labels).length > 0) {
      const updatedAt = existed ? new Date() : info.updatedAt;
      this.#namespace.blobs.set(digest, { ...info, labels: mergeLabels(info.labels, labels), updatedAt });
    }
    return { digest, size: info.size, existed };
  }
}

async function* copiesOf(bytes: Uint8Array): Bytes {
  for (let start = 0; start < bytes.byteLength; start += CHUNK_BYTES) {
    yield Uint8Array.prototype.slice.call(bytes, start, start + CHUNK_BYTES);
  }
}
