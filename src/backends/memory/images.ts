import type { CallOptions, ListOptions } from '../../content/store.js';
import { changeRecord } from '../../images/change.js';
import { GC_EXPIRE } from '../../images/gc-labels.js';
import type { ImageChange, ImageRecord, ImageStore } from '../../images/store.js';
import { compareBytewise } from '../../io/bytewise.js';
import { keyOf, releaseFromLeases, leaseOfView, type Namespace } from './place.js';

/** The image records of one namespace. */
export class MemoryImages implements ImageStore {
  readonly atomic = true;
  readonly #namespace: Namespace;
  readonly #leaseId: string | undefined;

  constructor(namespace: Namespace, leaseId: string | undefined) {
    this.#namespace = namespace;
    this.#leaseId = leaseId;
  }

  async get(name: string, options: CallOptions = {}): Promise<ImageRecord | undefined> {
    options.signal?.throwIfAborted();
    return this.#namespace.images.get(name);
  }

  async *list(options: ListOptions = {}): AsyncIterable<ImageRecord> {
    const { after = '', signal } = options;
    signal?.throwIfAborted();
    const records = [...this.#namespace.images.values()].filter(
      ({ name }) => compareBytewise(name, after) > 0,
    );
    for (const record of records.sort((a, b) => compareBytewise(a.name, b.name))) {
      signal?.throwIfAborted();
      yield record;
    }
  }

  async apply(changes: readonly ImageChange[], options: CallOptions = {}): Promise<readonly ImageRecord[]> {
    options.signal?.throwIfAborted();
    const lease = leaseOfView(this.#namespace, this.#leaseId);
    const now = new Date();
    const images = new Map(this.#namespace.images);
    const results: ImageRecord[] = [];
    for (const change of changes) {
      const record = changeRecord(images.get(change.name), change, now);
      if (record === undefined) images.delete(change.name);
      else {
        images.set(change.name, record);
        results.push(record);
      }
    }
    for (const { name } of changes) {
      if (!images.has(name)) releaseFromLeases(this.#namespace, { type: 'images', id: name });
    }
    for (const { name, labels } of results) {
      const resource = { type: 'images', id: name } as const;
      if (labels[GC_EXPIRE] !== undefined && images.has(name)) lease?.held.set(keyOf(resource), resource);
    }
    if (changes.length > 0) this.#namespace.labels ??= {};
    this.#namespace.images = images;
    return results;
  }
}
