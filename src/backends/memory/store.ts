import type { LocalContent } from '../../content/ingests.js';
import type { NamespaceStore, Sharing } from '../../images/namespaces.js';
import type { ImageStore, Lease, LeaseStore, Store } from '../../images/store.js';
import { checkNamespace } from '../../images/validate.js';
import type { Collector } from '../../images/collection.js';
import { MemoryCollector } from './collector.js';
import { MemoryContent } from './content.js';
import { MemoryImages } from './images.js';
import { MemoryLeases } from './leases.js';
import { MemoryNamespaces } from './namespaces.js';
import { Place } from './place.js';
import { nobodyFollows } from './temporary-files.js';

export interface MemoryStoreOptions {
  /** @default 'default' */
  readonly namespace?: string;
  /** @default 'shared' */
  readonly sharing?: Sharing;
}

/** A store that lives as long as the object does; for tests, and as the plainest model of what a store is. */
export function openMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(new Place(options.sharing ?? 'shared'), options.namespace ?? 'default', undefined);
}

class MemoryStore implements Store {
  readonly namespaceName: string;
  readonly lease: string | undefined;
  readonly readOnly = false;
  readonly content: LocalContent;
  readonly images: ImageStore;
  readonly leases: LeaseStore;
  readonly namespaces: NamespaceStore;
  readonly temporaryFiles = nobodyFollows;
  readonly collector: Collector;
  readonly #place: Place;

  constructor(place: Place, namespaceName: string, lease: Pick<Lease, 'id'> | undefined) {
    checkNamespace(namespaceName);
    const namespace = place.namespace(namespaceName);
    this.namespaceName = namespaceName;
    this.lease = lease?.id;
    this.content = new MemoryContent(place, namespace, lease?.id);
    this.images = new MemoryImages(namespace, lease?.id);
    this.leases = new MemoryLeases(namespace);
    this.namespaces = new MemoryNamespaces(place);
    this.collector = new MemoryCollector(place);
    this.#place = place;
  }

  under(lease: Pick<Lease, 'id'>): Store {
    return new MemoryStore(this.#place, this.namespaceName, lease);
  }

  namespace(name: string): Store {
    return new MemoryStore(this.#place, name, undefined);
  }

  async close(): Promise<void> {
    this.#place.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
