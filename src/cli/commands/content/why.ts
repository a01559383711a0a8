import { blobNotFound } from '../../../content/read-range.js';
import { StowageError } from '../../../errors.js';
import type { Holdings } from '../../../images/collection.js';
import { Graph } from '../../../images/gc-graph.js';
import { expiryOf, GC_PREFIX } from '../../../images/gc-labels.js';
import { chainsTo, type Link } from '../../../images/mark.js';
import type { Digest } from '../../../oci/digest.js';
import type { CommandBody } from '../../command.js';
import { digestArgument } from '../../digest-argument.js';
import { rfc3339 } from '../../rfc3339.js';

interface Chain {
  readonly root: string;
  readonly orphan?: true;
  readonly until?: Date;
  readonly links: readonly { readonly kind: string; readonly id: string; readonly by: string }[];
}

const run: CommandBody<{}, [string]> = async function (_flags, argument) {
  const digest = digestArgument(argument);
  const { namespace, chains, alsoIn } = await this.withStore('read', async (store) => {
    const holdings = await store.collector.holdings({ signal: this.signal });
    const namespace = store.namespaceName;
    return { namespace, ...explain(holdings, namespace, digest) };
  });
  if (this.output.json) return this.output.value({ digest, namespace, chains, alsoIn });
  const lines = chains.flatMap((chain) => [`${headOf(chain)}:`, ...chain.links.map(lineOf)]);
  if (chains.length === 0) {
    lines.push(`nothing keeps ${digest}: the next removal of an image, or stowage gc, removes it`);
  }
  if (alsoIn.length > 0) lines.push(`the same bytes are held in ${alsoIn.join(', ')} as well`);
  await this.output.lines(lines);
};

export default run;

function explain(holdings: Holdings, namespace: string, digest: Digest) {
  const graph = new Graph(holdings);
  const item = { kind: 'content', namespace, id: digest } as const;
  const holders = [...holdings.content].filter((each) => each.digest === digest);
  const alsoIn = holders.map((each) => each.namespace).filter((name) => name !== namespace);
  if (graph.get(item) === undefined) {
    const { code, message, detail } = blobNotFound(digest);
    const hint = `held in ${alsoIn.join(', ')}: say -n ${alsoIn[0]}`;
    throw new StowageError(code, message, { detail, ...(alsoIn.length > 0 && { hint }) });
  }
  const chains = chainsTo(graph, item).map(({ root, links }): Chain => {
    return {
      root,
      ...endOf(holdings, links[0]!),
      links: links.map(({ item: { kind, id }, by }) => ({ kind, id, by })),
    };
  });
  return { chains, alsoIn };
}

/** When a root stops counting by itself. */
function endOf(holdings: Holdings, { item: { kind, namespace, id } }: Link): Pick<Chain, 'orphan' | 'until'> {
  const isIt = (each: { readonly namespace: string }, name: string) =>
    each.namespace === namespace && name === id;
  const until = (date: Date | undefined) => (date === undefined ? {} : { until: date });
  if (kind === 'image') {
    return until(expiryOf([...holdings.images].find((each) => isIt(each, each.name))?.labels ?? {}));
  }
  if (kind === 'lease') {
    const lease = [...holdings.leases].find((each) => isIt(each, each.id));
    return { ...until(lease?.expiresAt), ...(lease?.orphan === true && { orphan: true }) };
  }
  const ingest = [...holdings.ingests].find((each) => isIt(each, each.ref));
  if (ingest === undefined || ingest.active) return {};
  return { ...until(ingest.expiresAt), ...(ingest.orphan && { orphan: true }) };
}

const ROOTS: Readonly<Record<string, string>> = {
  image: 'kept by an image',
  lease: 'kept by a lease',
  ingest: 'kept by an unfinished write',
  label: 'kept by a label',
};

function headOf({ root, orphan, until }: Chain): string {
  const left = orphan === true ? ' that a process left behind which died' : '';
  const end =
    until === undefined ? '' : `, until ${rfc3339(until)}${orphan === true ? ' or stowage gc' : ''}`;
  return `${ROOTS[root]}${left}${end}`;
}

function lineOf({ kind, id, by }: Chain['links'][number], depth: number): string {
  const name = kind === 'content' ? id : `${kind} ${id}`;
  const how = by === 'root' ? '' : ` (${by.replace(GC_PREFIX, 'gc.')})`;
  return `${'  '.repeat(depth + 1)}${name}${how}`;
}
