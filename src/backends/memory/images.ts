import type { CallOptions, ListOptions } from '../../content/store.js';
import { changeRecord } from '../../images/change.js';
import type { ImageChange, ImageRecord, ImageStore } from '../../images/store.js';
import { compareBytewise } from '../../io/bytewise.js';
import type { Namespace } from './place.js';

/** The image records of one namespace. */
export class MemoryImages implements ImageStore {
  readonly atomic = true;
  readonly #namespace: Namespace;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
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
    this.#namespace.images = images;
    return results;
  }
}
