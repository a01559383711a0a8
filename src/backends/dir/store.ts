import type { Ingest, LocalContent } from '../../content/ingests.js';
import type { CallOptions } from '../../content/store.js';
import type { ImageStore, Lease, LeaseStore, Revisions, Store, TemporaryFiles } from '../../images/store.js';
import type { NamespaceStore } from '../../images/namespaces.js';
import { StowageError } from '../../errors.js';
import { checkNamespace } from '../../images/validate.js';
import type { Collector } from '../../images/collection.js';
import { revisionIn } from './database/connection.js';
import { DirCollector } from './collector.js';
import { DirContent } from './content.js';
import { DirImages } from './images.js';
import { DirLeases } from './leases.js';
import { DirNamespaces } from './namespaces.js';
import { DirTemporaryFiles } from './temporary-files.js';
import type { Place } from './place.js';
import type { View } from './view.js';

/** What all views of one opened store have in common. */
interface Session {
  readonly running: Set<Lease>;
  /** Ingests that are open. */
  readonly ingests: Set<Ingest>;
  readonly release: () => Promise<void>;
  closing: Promise<void> | undefined;
  /** Whether its leases are ended: from here on every call rejects, though others may go on using the place. */
  closed: boolean;
}

/** A store in a folder; every namespace and lease is another view of the same session. */
export class DirStore implements Store, Revisions {
  readonly namespaceName: string;
  readonly lease: string | undefined;
  readonly readOnly: boolean;
  readonly content: LocalContent;
  readonly images: ImageStore;
  readonly #view: View;
  readonly #session: Session;

  private constructor(view: View, session: Session) {
    checkNamespace(view.namespace);
    this.namespaceName = view.namespace;
    this.lease = view.lease;
    this.readOnly = view.readOnly;
    this.content = new DirContent(view, session.ingests);
    this.images = new DirImages(view);
    this.#view = view;
    this.#session = session;
  }

  /** The first view of a session; `release` gives back the share in the place. */
  static open(view: View, release: () => Promise<void>): DirStore {
    const session: Session = {
      running: new Set(),
      ingests: new Set(),
      release,
      closing: undefined,
      closed: false,
    };
    return new DirStore({ ...view, place: whileOpen(view.place, session) }, session);
  }

  // These have no state of their own and are made when they are asked for: most commands need none of them.

  get leases(): LeaseStore {
    return new DirLeases(this.#view, this.#session.running);
  }

  get namespaces(): NamespaceStore {
    return new DirNamespaces(this.#view);
  }

  get temporaryFiles(): TemporaryFiles {
    return new DirTemporaryFiles(this.#view);
  }

  get collector(): Collector {
    return new DirCollector(this.#view);
  }

  under(lease: Pick<Lease, 'id'>): Store {
    return new DirStore({ ...this.#view, lease: lease.id }, this.#session);
  }

  /** A lease belongs to its namespace, so the other view is under none. */
  namespace(name: string): Store {
    return new DirStore({ ...this.#view, namespace: name, lease: undefined }, this.#session);
  }

  revision(options: CallOptions = {}): Promise<string> {
    return this.#view.place.connection.read(revisionIn, options);
  }

  close(): Promise<void> {
    const session = this.#session;
    session.closing ??= end(session);
    return session.closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

async function end(session: Session): Promise<void> {
  try {
    await Promise.all([
      ...[...session.ingests].map((ingest) => ingest.close()),
      ...[...session.running].map((lease) => lease.release()),
    ]);
  } finally {
    session.closed = true;
    await session.release();
  }
}

function whileOpen(place: Place, session: Session): Place {
  const { connection, paths } = place;
  const requireOpen = () => {
    if (!session.closed) return;
    throw new StowageError('INVALID', `Cannot use ${JSON.stringify(paths.root)}: the store is closed`);
  };
  return {
    ...place,
    connection: {
      async read(query, options) {
        requireOpen();
        return connection.read(query, options);
      },
      async transaction(work, options) {
        requireOpen();
        return connection.transaction(work, options);
      },
    },
  };
}
