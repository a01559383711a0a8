import { setImmediate as nextTurn } from 'node:timers/promises';
import type { CallOptions } from '../../content/store.js';
import { fromSystemError, pathOf } from '../../errors.js';
import type {
  Collection,
  Collector,
  CollectOptions,
  Holdings,
  Item,
  Removed,
} from '../../images/collection.js';
import { Graph } from '../../images/gc-graph.js';
import { mark } from '../../images/mark.js';
import { Tally } from '../../images/tally.js';
import type { Digest } from '../../oci/digest.js';
import { revisionIn, type Queries, type Transaction } from './database/connection.js';
import { holdingsIn } from './holdings.js';
import { IndexFile } from './index-file.js';
import { ingestStates, removeIngest, removeStrays, type IngestState } from './stored-ingests.js';
import { withReserve } from './reserve.js';
import { text } from './rows.js';
import { sweepDying, sweepUnknown, unknownFiles } from './sweep.js';
import { requireWritable, type View } from './view.js';

/**
 * Collects a root, whichever namespace it is looked at through.
 *
 * Whoever wants something to stay says so in a transaction. The mark is made before the one that removes the records,
 * so that nobody waits for it, and holds only if no record was changed by then; else it is made again inside: what is
 * referred to when the records go is seen. Bytes go afterwards, in further transactions; until then they are dying, and
 * come back to life with whoever claims or writes them.
 */
export class DirCollector implements Collector {
  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
  }

  async holdings(options: CallOptions = {}): Promise<Holdings> {
    const { place } = this.#view;
    const ingests = await ingestStates(place);
    return place.connection.read((queries) => this.#holdingsIn(queries, ingests), options);
  }

  async collect(options: CollectOptions = {}): Promise<Collection> {
    const { signal, dryRun = false } = options;
    signal?.throwIfAborted();
    const tally = new Tally(options);
    if (!dryRun) requireWritable(this.#view, 'collect garbage');
    try {
      return await (dryRun ? this.#rehearse(tally, options) : this.#collect(tally, options));
    } catch (error) {
      if (signal?.aborted === true && error === signal.reason) throw error;
      const where = pathOf(error) ?? this.#view.place.paths.root;
      throw fromSystemError(error, `Cannot collect garbage in ${JSON.stringify(where)}`);
    }
  }

  async #collect(tally: Tally, options: CollectOptions): Promise<Collection> {
    const { place } = this.#view;
    const { thorough = false } = options;
    const ingests = await ingestStates(place);
    const before = await this.#garbageBefore(ingests, options);
    const removeRecords = (transaction: Transaction) => {
      // What is to go has to be of no use still; that nothing is to go cannot become wrong.
      const holds = before.items.length === 0 || revisionIn(transaction) === before.revision;
      const items = holds ? before.items : garbageOf(this.#graph(transaction, ingests, thorough));
      // Afterwards: it turns leases of the dead into orphans, which the mark takes them for already.
      const left = place.holders.reap(transaction);
      this.#removeRecords(transaction, items);
      return { left, items };
    };
    const { items, left } = await withReserve(place, () =>
      place.connection.transaction(removeRecords, options),
    );
    for (const item of items) if (item.kind !== 'ingest') tally.removed(item);
    await place.holders.removeTemporaryFiles(left);
    const forgotten = new Set(items.filter(({ kind }) => kind === 'ingest').map(keyOf));
    for (const ingest of ingests.filter((each) => forgotten.has(keyOf(itemOf(each))))) {
      if (await removeIngest(place, ingest, options)) tally.removed(removedIngest(ingest));
    }
    await sweepDying(place, tally, options);
    if (thorough) {
      await sweepUnknown(place, tally, options);
      await removeStrays(place, 0);
      await this.#removeUnfinishedIndex(options);
    }
    return tally.result(await this.#kept(options));
  }

  /** What nothing keeps, as of a revision of the records. Others in this process come to their turn in between. */
  async #garbageBefore(
    ingests: readonly IngestState[],
    { thorough = false, ...options }: CollectOptions,
  ): Promise<{ readonly revision: string; readonly items: readonly Item[] }> {
    const { revision, holdings } = await this.#view.place.connection.read((queries) => {
      // The revision first: of what comes in between, the other one would seem to know.
      const revision = revisionIn(queries);
      return { revision, holdings: this.#holdingsIn(queries, ingests) };
    }, options);
    await nextTurn();
    const graph = new Graph(holdings, { thorough });
    await nextTurn();
    return { revision, items: garbageOf(graph) };
  }

  #graph(queries: Queries, ingests: readonly IngestState[], thorough: boolean): Graph {
    return new Graph(this.#holdingsIn(queries, ingests), { thorough });
  }

  #removeRecords(transaction: Transaction, items: readonly Item[]): void {
    for (const { kind, namespace, id } of items) {
      if (kind === 'lease') {
        transaction.run('DELETE FROM leases WHERE namespace = ? AND id = ?', namespace, id);
        transaction.run('DELETE FROM lease_resources WHERE namespace = ? AND lease = ?', namespace, id);
      } else if (kind === 'image') {
        transaction.run('DELETE FROM images WHERE namespace = ? AND name = ?', namespace, id);
      } else if (kind === 'content') {
        transaction.run('DELETE FROM content WHERE namespace = ? AND digest = ?', namespace, id);
      }
    }
    transaction.run(
      `UPDATE blobs SET state = 'dying'
         WHERE state = 'live' AND NOT EXISTS (SELECT 1 FROM content c WHERE c.digest = blobs.digest)`,
    );
    if (items.some(({ kind }) => kind === 'image')) {
      const { paths, files } = this.#view.place;
      new IndexFile(paths, files).rewriteWith(transaction);
    }
  }

  /** What a killed process may have left beside the files of the layout. Under the lock nobody is writing one. */
  async #removeUnfinishedIndex(options: CallOptions): Promise<void> {
    const { connection, files, paths } = this.#view.place;
    const leftovers = [`${paths.index}.tmp`, `${paths.layout}.tmp`];
    if ((await Promise.all(leftovers.map((path) => files.stat(path)))).every((facts) => !facts)) return;
    await connection.transaction(() => leftovers.forEach((path) => files.sync.unlink(path)), options);
  }

  /** What {@link collect} would do now. */
  async #rehearse(tally: Tally, options: CollectOptions): Promise<Collection> {
    const { place } = this.#view;
    const ingests = await ingestStates(place);
    const { graph, blobs } = await place.connection.read((queries) => {
      // The blobs first: of one that comes in between, nobody would seem to hold it.
      const blobs = queries.all('SELECT digest, size FROM blobs');
      return { blobs, graph: new Graph(this.#holdingsIn(queries, ingests), options) };
    }, options);
    const marked = mark(graph);
    const held = new Set<string>();
    for (const { item } of graph.nodes()) {
      if (!marked.has(item)) {
        if (item.kind !== 'ingest') tally.removed(item);
      } else if (item.kind === 'content') held.add(item.id);
    }
    for (const ingest of ingests) if (!marked.has(itemOf(ingest))) tally.removed(removedIngest(ingest));
    const kept = { blobs: 0, bytes: 0 };
    for (const row of blobs) {
      const digest = text(row['digest']) as Digest;
      const size = Number(row['size']);
      if (!held.has(digest)) tally.removed({ kind: 'blob', digest, size });
      else {
        kept.blobs += 1;
        kept.bytes += size;
      }
    }
    for (const digest of options.thorough === true ? await unknownFiles(place, options) : []) {
      const size = (await place.files.stat(place.paths.blob(digest)))?.size;
      if (size !== undefined) tally.removed({ kind: 'blob', digest, size });
    }
    return tally.result(kept);
  }

  #holdingsIn(queries: Queries, ingests: readonly IngestState[]): Holdings {
    const { holders } = this.#view.place;
    const known = new Map<string, boolean>();
    return holdingsIn(queries, ingests, (holder) => {
      const alive = known.get(holder) ?? holders.isAlive(holder);
      known.set(holder, alive);
      return alive;
    });
  }

  async #kept(options: CallOptions): Promise<Collection['kept']> {
    const row = await this.#view.place.connection.read(
      (queries) => queries.get('SELECT count(*) AS blobs, coalesce(sum(size), 0) AS bytes FROM blobs'),
      options,
    );
    return { blobs: Number(row?.['blobs']), bytes: Number(row?.['bytes']) };
  }
}

function garbageOf(graph: Graph): readonly Item[] {
  const marked = mark(graph);
  return [...graph.nodes()].map(({ item }) => item).filter((item) => !marked.has(item));
}

function itemOf({ namespace, ref }: IngestState): Item {
  return { kind: 'ingest', namespace, id: ref };
}

function keyOf({ namespace, id }: Item): string {
  return `${namespace} ${id}`;
}

function removedIngest(ingest: IngestState): Removed {
  return { ...itemOf(ingest), size: ingest.offset };
}
