import { openMemoryStore } from '../backends/memory/index.js';
import type { Ingest, IngestOptions, LocalContent } from '../content/ingests.js';
import type { NamespaceStore } from '../images/namespaces.js';
import { checkNamespace } from '../images/validate.js';
import type { ImageStore, Lease, LeaseOptions, LeaseStore, Store, TemporaryFiles } from '../images/store.js';

/** What all views of one have in common. */
interface Beginning {
  readonly make: () => Promise<Store>;
  making: Promise<Store> | undefined;
  closing: Promise<void> | undefined;
  /** The store once it is made, until then one that is empty. */
  current: Store;
  /** Leases of work that has written nothing yet, by identifier. */
  readonly leases: Map<string, EarlyLease>;
}

interface EarlyLease {
  readonly namespace: string;
  readonly options: LeaseOptions;
  /** In the current store. */
  held: Lease;
}

/**
 * A store that is not there yet: an empty one, until something is written into it for the first time; then `make` makes
 * it. What fails before that leaves nothing. Leases that end with the work alone are not what it is made for; they are
 * taken along. Should it be impossible to make, `close` rejects with the reason, too: that is what matters then, more
 * than what failed for it.
 */
export function storeToBe(namespace: string, make: () => Promise<Store>): Store {
  const current = openMemoryStore({ namespace });
  return new StoreToBe(
    { make, making: undefined, closing: undefined, current, leases: new Map() },
    namespace,
    undefined,
  );
}

class StoreToBe implements Store {
  readonly namespaceName: string;
  readonly lease: string | undefined;
  readonly readOnly = false;
  readonly content: LocalContent;
  readonly images: ImageStore;
  readonly leases: LeaseStore;
  readonly namespaces: NamespaceStore;
  readonly temporaryFiles: TemporaryFiles;
  readonly #beginning: Beginning;

  constructor(beginning: Beginning, namespace: string, lease: string | undefined) {
    checkNamespace(namespace);
    this.#beginning = beginning;
    this.namespaceName = namespace;
    this.lease = lease;
    const viewOf = (store: Store) => {
      const view = store.namespace(namespace);
      return lease === undefined ? view : view.under({ id: lease });
    };
    const now = () => viewOf(beginning.current);
    const made = async () => viewOf(await begun(beginning));
    this.content = contentToBe(now, made, () => isBegun(beginning));
    this.images = {
      atomic: true,
      get: (...args) => now().images.get(...args),
      list: (...args) => now().images.list(...args),
      apply: async (...args) => (await made()).images.apply(...args),
    };
    this.leases = {
      create: async (options = {}) => {
        if (isBegun(beginning)) return (await made()).leases.create(options);
        const held = await now().leases.create(options);
        if (options.lasting !== true) return remember(beginning, { namespace, options, held });
        await held.release();
        return (await made()).leases.create(options);
      },
      get: (...args) => now().leases.get(...args),
      list: (...args) => now().leases.list(...args),
      delete: async (id, options) => {
        const existed = await now().leases.delete(id, options);
        beginning.leases.delete(id);
        return existed;
      },
      resources: (...args) => now().leases.resources(...args),
      addResource: async (...args) => (await made()).leases.addResource(...args),
      removeResource: (...args) => now().leases.removeResource(...args),
    };
    this.namespaces = {
      list: (...args) => now().namespaces.list(...args),
      get: (...args) => now().namespaces.get(...args),
      create: async (...args) => {
        // What an empty store refuses, such as a wrong name, needs no other one.
        if (!isBegun(beginning)) await openMemoryStore().namespaces.create(...args);
        return (await made()).namespaces.create(...args);
      },
      setLabels: (...args) => now().namespaces.setLabels(...args),
      delete: (...args) => now().namespaces.delete(...args),
    };
    this.temporaryFiles = {
      reserve: async (...args) => (await made()).temporaryFiles.reserve(...args),
    };
  }

  get collector() {
    return this.#beginning.current.collector;
  }

  under(lease: Pick<Lease, 'id'>): Store {
    return new StoreToBe(this.#beginning, this.namespaceName, lease.id);
  }

  namespace(name: string): Store {
    return new StoreToBe(this.#beginning, name, undefined);
  }

  close(): Promise<void> {
    this.#beginning.closing ??= end(this.#beginning);
    return this.#beginning.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function contentToBe(now: () => Store, made: () => Promise<Store>, isBegun: () => boolean): LocalContent {
  return {
    stat: (...args) => now().content.stat(...args),
    read: (...args) => now().content.read(...args),
    claim: (...args) => now().content.claim(...args),
    put: async (...args) => (await made()).content.put(...args),
    list: (...args) => now().content.list(...args),
    info: (...args) => now().content.info(...args),
    setLabels: (...args) => now().content.setLabels(...args),
    delete: (...args) => now().content.delete(...args),
    openIngest: async (ref: string, options?: IngestOptions): Promise<Ingest> => {
      if (!isBegun()) await (await now().content.openIngest(ref, options)).close();
      return (await made()).content.openIngest(ref, options);
    },
    ingests: (...args) => now().content.ingests(...args),
    ingest: (...args) => now().content.ingest(...args),
    abortIngest: (...args) => now().content.abortIngest(...args),
  };
}

function isBegun({ making }: Beginning): boolean {
  return making !== undefined;
}

/** A lease of work that may end before the store is made, or after. */
function remember(beginning: Beginning, early: EarlyLease): Lease {
  const { id } = early.held;
  beginning.leases.set(id, early);
  const release = async () => {
    beginning.leases.delete(id);
    await beginning.making?.catch(() => {});
    await early.held.release();
  };
  return { id, release, [Symbol.asyncDispose]: release };
}

/** The store, made now if it is not. One that is closed is not made any more, and refuses what is asked of it. */
async function begun(beginning: Beginning): Promise<Store> {
  if (beginning.closing !== undefined) return beginning.current;
  beginning.making ??= make(beginning);
  return beginning.making;
}

async function end(beginning: Beginning): Promise<void> {
  await beginning.making;
  await beginning.current.close();
}

async function make(beginning: Beginning): Promise<Store> {
  const store = await beginning.make();
  try {
    for (const early of beginning.leases.values()) {
      const { leases } = store.namespace(early.namespace);
      early.held = await leases.create({ ...early.options, id: early.held.id });
    }
  } catch (error) {
    await store.close();
    throw error;
  }
  beginning.current = store;
  return store;
}
