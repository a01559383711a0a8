import { checkIngest, checkTotal, contentExists, ingestLocked } from '../../content/ingest-terms.js';
import type { Ingest, IngestOptions, IngestStatus } from '../../content/ingests.js';
import type { CallOptions } from '../../content/store.js';
import { fromSystemError } from '../../errors.js';
import { compareBytewise } from '../../io/bytewise.js';
import { whenFree } from '../../io/when-free.js';
import type { Digest } from '../../oci/digest.js';
import * as blobs from './blobs.js';
import { IngestFolder, removeFolder } from './ingest-folder.js';
import { storedIngest, storedIngests, tidyOnce, type StoredIngest } from './stored-ingests.js';
import { DirIngest, type IngestContent, type SharedBlob } from './open-ingest.js';
import { requireThere } from './still-there.js';
import { hold, releaseFromLeases, requireLease, requireWritable, type View } from './view.js';

/** What opening an ingest needs of content besides. */
export interface IngestedContent extends Omit<IngestContent, 'onClosed'> {
  /** Whether this namespace holds it; if so the lease does from now on. */
  holds(digest: Digest, options: CallOptions): Promise<boolean>;
}

/** The writes in progress of one namespace. */
export class DirIngests {
  readonly #view: View;
  readonly #content: IngestedContent;
  readonly #open: Set<Ingest>;

  /** `open` gets every ingest opened here, until it is closed. */
  constructor(view: View, content: IngestedContent, open: Set<Ingest>) {
    this.#view = view;
    this.#content = content;
    this.#open = open;
  }

  async open(ref: string, options: IngestOptions): Promise<Ingest> {
    const { expect, patience = 0, signal } = options;
    const what = `open ingest ${JSON.stringify(ref)}`;
    signal?.throwIfAborted();
    requireWritable(this.#view, what);
    checkIngest(ref, options);
    const { place, namespace } = this.#view;
    try {
      if (expect !== undefined && (await this.#content.holds(expect, options))) {
        await removeFolder(place, place.paths.ingest(namespace, ref), {
          ...options,
          also: this.#forget(ref),
        });
        throw contentExists(expect);
      }
      await place.connection.read((queries) => requireLease(this.#view, queries), options);
      await tidyOnce(place);
      const folder = await whenFree(() => this.#acquire(ref, options), patience, signal);
      try {
        return await this.#opened(folder, options);
      } catch (error) {
        await folder.release('closed');
        throw error;
      }
    } catch (error) {
      await requireThere(place.connection, error);
      throw fromSystemError(error, `Cannot ${what} in ${JSON.stringify(place.paths.root)}`);
    }
  }

  async *list(options: CallOptions): AsyncIterable<IngestStatus> {
    options.signal?.throwIfAborted();
    const found: IngestStatus[] = [];
    for await (const ingest of storedIngests(this.#view.place)) {
      options.signal?.throwIfAborted();
      if (ingest.namespace === this.#view.namespace) found.push(await this.#statusOf(ingest, options));
    }
    for (const status of found.sort((a, b) => compareBytewise(a.ref, b.ref))) {
      options.signal?.throwIfAborted();
      yield status;
    }
  }

  async get(ref: string, options: CallOptions): Promise<IngestStatus | undefined> {
    options.signal?.throwIfAborted();
    const { place, namespace } = this.#view;
    const ingest = await storedIngest(place, place.paths.ingest(namespace, ref));
    return ingest && this.#statusOf(ingest, options);
  }

  async abort(ref: string, options: CallOptions): Promise<boolean> {
    options.signal?.throwIfAborted();
    requireWritable(this.#view, `abort ingest ${JSON.stringify(ref)}`);
    const { place, namespace } = this.#view;
    const folder = place.paths.ingest(namespace, ref);
    return removeFolder(place, folder, { ...options, evenIfHeld: true, also: this.#forget(ref) });
  }

  async #acquire(ref: string, { total, expect, signal }: IngestOptions): Promise<IngestFolder> {
    const { place, namespace } = this.#view;
    const wanted = { namespace, ref, total, expected: expect };
    const folder = await IngestFolder.acquire(place, wanted, { signal });
    if (folder instanceof IngestFolder) return folder;
    throw ingestLocked(ref, folder.lockedSince);
  }

  async #opened(folder: IngestFolder, { total, expect, signal }: IngestOptions): Promise<Ingest> {
    const view = this.#view;
    const { ref } = folder.terms;
    checkTotal(ref, folder.terms.total, total);
    await folder.revise({ total, expected: expect });
    if (view.lease !== undefined) {
      await view.place.connection.transaction(
        (transaction) => {
          requireLease(view, transaction);
          hold(view, transaction, ref, 'ingests');
        },
        { signal },
      );
    }
    const onClosed = (ingest: Ingest) => void this.#open.delete(ingest);
    const shared = await this.#shared(folder.terms, { signal });
    const ingest = await DirIngest.open(view.place, folder, { ...this.#content, onClosed }, shared);
    this.#open.add(ingest);
    return ingest;
  }

  /** What is expected, if it is on the disk with the size it is to have, and may be had without its bytes. */
  async #shared(
    { expected, total }: { readonly expected: Digest | undefined; readonly total: number | undefined },
    options: CallOptions,
  ): Promise<SharedBlob | undefined> {
    if (expected === undefined) return undefined;
    const { place } = this.#view;
    const target = { digest: expected, ...(total === undefined ? {} : { size: total }) };
    const blob = await place.connection.read(
      (queries) => blobs.available(queries, this.#view, target),
      options,
    );
    return blob !== undefined && (await blobs.isThere(place, blob)) ? blob : undefined;
  }

  async #statusOf(ingest: StoredIngest, options: CallOptions): Promise<IngestStatus> {
    const { ref, total, expected, startedAt, updatedAt } = ingest;
    const shared = ingest.offset === 0 ? await this.#shared(ingest, options) : undefined;
    return { ref, offset: shared?.size ?? ingest.offset, total, expected, startedAt, updatedAt };
  }

  #forget(ref: string) {
    const { namespace } = this.#view;
    return (transaction: Parameters<typeof releaseFromLeases>[0]) => {
      releaseFromLeases(transaction, namespace, 'ingests', ref);
      return true;
    };
  }
}
