import { INGEST_TTL } from '../../content/ingest-terms.js';
import type { CallOptions } from '../../content/store.js';
import type { Collection, Collector, CollectOptions, Holdings, Item } from '../../images/collection.js';
import { Graph } from '../../images/gc-graph.js';
import { mark } from '../../images/mark.js';
import { Tally } from '../../images/tally.js';
import type { Digest } from '../../oci/digest.js';
import type { Place } from './place.js';

/** Collects all namespaces. There is one process, and nothing happens while it works: what is there is of one moment. */
export class MemoryCollector implements Collector {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  async holdings(options: CallOptions = {}): Promise<Holdings> {
    options.signal?.throwIfAborted();
    return this.#holdings();
  }

  async collect(options: CollectOptions = {}): Promise<Collection> {
    options.signal?.throwIfAborted();
    const tally = new Tally(options);
    const graph = new Graph(this.#holdings(), options);
    const marked = mark(graph);
    const kept = new Set<Digest>();
    for (const { item } of marked.kept()) if (item.kind === 'content') kept.add(item.id as Digest);
    for (const { item } of graph.nodes()) {
      if (marked.has(item)) continue;
      tally.removed(item.kind === 'ingest' ? { ...item, size: this.#ingestSize(item) } : item);
      if (options.dryRun !== true) this.#remove(item);
    }
    let bytes = 0;
    for (const [digest, content] of this.#place.bytes) {
      const size = content.byteLength;
      if (kept.has(digest)) bytes += size;
      else {
        tally.removed({ kind: 'blob', digest, size });
        if (options.dryRun !== true) this.#place.bytes.delete(digest);
      }
    }
    return tally.result({ blobs: kept.size, bytes });
  }

  #holdings(): Holdings {
    const namespaces = [...this.#place.namespaces()];
    return {
      images: namespaces.flatMap(([namespace, { images }]) =>
        [...images.values()].map(({ name, target, labels }) => {
          return { namespace, name, target: target.digest, labels };
        }),
      ),
      content: namespaces.flatMap(([namespace, { blobs }]) =>
        [...blobs.values()].map(({ digest, size, labels }) => ({ namespace, digest, size, labels })),
      ),
      leases: namespaces.flatMap(([namespace, { leases }]) =>
        [...leases.values()].map(({ info: { id, labels, expiresAt }, held }) => {
          return { namespace, id, labels, expiresAt, orphan: false, resources: [...held.values()] };
        }),
      ),
      ingests: namespaces.flatMap(([namespace, { ingests }]) =>
        [...ingests.values()].map(({ status: { ref, expected, updatedAt }, writer }) => {
          const expiresAt = new Date(updatedAt.getTime() + INGEST_TTL);
          return { namespace, ref, expected, active: writer !== undefined, orphan: false, expiresAt };
        }),
      ),
    };
  }

  #ingestSize({ namespace, id }: Item): number {
    return this.#place.namespace(namespace).ingests.get(id)?.status.offset ?? 0;
  }

  #remove({ kind, namespace, id }: Item): void {
    const found = this.#place.namespace(namespace);
    if (kind === 'lease') found.leases.delete(id);
    else if (kind === 'content') found.blobs.delete(id as Digest);
    else if (kind === 'ingest') found.ingests.delete(id);
    else if (kind === 'image') found.images = new Map([...found.images].filter(([name]) => name !== id));
  }
}
