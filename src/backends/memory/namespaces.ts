import { checkLabels, mergeLabels } from '../../content/labels.js';
import type { CallOptions, LabelChanges, Labels } from '../../content/store.js';
import {
  namespaceExists,
  namespaceInUse,
  namespaceNotFound,
  type NamespaceInfo,
  type NamespaceStore,
} from '../../images/namespaces.js';
import { checkNamespace } from '../../images/validate.js';
import { compareBytewise } from '../../io/bytewise.js';
import type { Place } from './place.js';

/** The namespaces of a place; every view shows all of them. */
export class MemoryNamespaces implements NamespaceStore {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  async *list(options: CallOptions = {}): AsyncIterable<NamespaceInfo> {
    options.signal?.throwIfAborted();
    for (const name of this.#place.names().sort(compareBytewise)) {
      options.signal?.throwIfAborted();
      const info = this.#find(name);
      if (info !== undefined) yield info;
    }
  }

  async get(name: string, options: CallOptions = {}): Promise<NamespaceInfo | undefined> {
    options.signal?.throwIfAborted();
    return this.#find(name);
  }

  async create(
    name: string,
    options: CallOptions & { readonly labels?: Labels } = {},
  ): Promise<NamespaceInfo> {
    options.signal?.throwIfAborted();
    checkNamespace(name);
    checkLabels(options.labels ?? {}, `namespace ${JSON.stringify(name)}`);
    if (this.#find(name) !== undefined) throw namespaceExists(name);
    return this.#record(name, mergeLabels({}, options.labels ?? {}));
  }

  async setLabels(name: string, changes: LabelChanges, options: CallOptions = {}): Promise<NamespaceInfo> {
    options.signal?.throwIfAborted();
    checkLabels(changes, `namespace ${JSON.stringify(name)}`);
    const current = this.#find(name);
    if (current === undefined) throw namespaceNotFound(name);
    return this.#record(name, mergeLabels(current.labels, changes));
  }

  async delete(name: string, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    if (this.#find(name) === undefined) return false;
    const namespace = this.#place.namespace(name);
    const left = { images: namespace.images.size > 0, blobs: namespace.blobs.size > 0 };
    if (left.images || left.blobs) throw namespaceInUse(name, left);
    namespace.leases.clear();
    for (const [ref, { writer }] of namespace.ingests)
      if (writer === undefined) namespace.ingests.delete(ref);
    namespace.labels = undefined;
    return true;
  }

  #find(name: string): NamespaceInfo | undefined {
    if (!this.#place.names().includes(name)) return undefined;
    return { name, labels: this.#place.namespace(name).labels ?? {} };
  }

  #record(name: string, labels: Labels): NamespaceInfo {
    this.#place.namespace(name).labels = labels;
    return { name, labels };
  }
}
