import type { Collection, Removed } from '../../images/collection.js';
import { Graph } from '../../images/gc-graph.js';
import { keptBy, type KeptBy } from '../../images/kept-by.js';
import type { Store } from '../../images/store.js';
import type { CommandBody } from '../command.js';
import { countOf } from '../count.js';
import { formatTable } from '../table.js';
import { binarySize } from '../units.js';

export type GcFlags = {
  readonly dryRun?: boolean;
};

const run: CommandBody<GcFlags, []> = async function (flags) {
  const dryRun = flags.dryRun === true;
  const collect = async (store: Store) => {
    const removed: Removed[] = [];
    const collection = await store.collector.collect({
      ...{ dryRun, thorough: true, signal: this.signal, onFailure: (error) => this.report(error) },
      onRemoved: (each) => void removed.push(each),
    });
    const holdings = await store.collector.holdings({ signal: this.signal });
    return { removed, collection, by: keptBy(new Graph(holdings, { thorough: true })) };
  };
  const { removed, collection, by } = await this.withStore(dryRun ? 'read' : 'remove', collect);
  const { freedBytes, failed, kept } = collection;
  if (this.output.json) {
    const of = (kind: Exclude<Removed['kind'], 'blob'>) =>
      removed.flatMap((each) =>
        each.kind === kind ? [{ namespace: each.namespace, id: each.id, size: each.size }] : [],
      );
    return this.output.value({
      dryRun,
      removed: {
        images: of('image'),
        leases: of('lease'),
        ingests: of('ingest'),
        content: of('content'),
        blobs: removed.flatMap((each) =>
          each.kind === 'blob' ? [{ digest: each.digest, size: each.size }] : [],
        ),
      },
      freedBytes,
      failed,
      kept: { ...kept, by },
    });
  }
  await this.output.lines([summary(collection, recordsOnly(removed), dryRun)]);
  await this.output.lines([
    `${countOf(kept.blobs, 'blob')} (${binarySize(kept.bytes)}) stay${kept.blobs === 1 ? 's' : ''}${by.length > 0 ? ':' : ''}`,
  ]);
  if (by.length > 0) await this.output.text(formatTable(by.map(rowOf), { ragged: true }));
};

export default run;

/** How many blobs a namespace lets go of while others keep them. */
function recordsOnly(removed: readonly Removed[]): number {
  const gone = new Set<string>(removed.flatMap((each) => (each.kind === 'blob' ? [each.digest] : [])));
  return removed.filter((each) => each.kind === 'content' && !gone.has(each.id)).length;
}

function summary({ removed, freedBytes }: Collection, shared: number, dryRun: boolean): string {
  const parts = [
    removed.image > 0 ? `${countOf(removed.image, 'image')} that expired` : [],
    removed.lease > 0 ? `${countOf(removed.lease, 'lease')} that expired or whose process died` : [],
    removed.ingest > 0 ? countOf(removed.ingest, 'unfinished write') : [],
    removed.blob > 0 ? countOf(removed.blob, 'blob') : [],
    shared > 0 ? `${countOf(shared, 'record')} of blobs that other namespaces keep` : [],
  ].flat();
  if (parts.length === 0) return dryRun ? 'nothing would be removed' : 'nothing to remove';
  return `${dryRun ? 'would remove' : 'removed'} ${parts.join(', ')}: ${binarySize(freedBytes)}`;
}

const ROOTS = {
  image: 'images',
  ingest: 'unfinished writes',
  label: 'labels containerd.io/gc.root',
} as const;

function rowOf({ root, lease, blobs, bytes }: KeptBy): string[] {
  const who = root === 'lease' ? `lease ${lease?.id} (namespace ${lease?.namespace})` : ROOTS[root];
  return [`  ${countOf(blobs, 'blob')}`, `(${binarySize(bytes)})`, `by ${who}`];
}
