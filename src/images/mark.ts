import type { Item } from './collection.js';
import type { Graph, Node } from './gc-graph.js';
import { GC_ROOT } from './gc-labels.js';

/** Why a root is one. */
export type RootKind = 'image' | 'lease' | 'ingest' | 'label';

/** One step of what keeps something, beginning with the root. */
export interface Link {
  readonly item: Item;
  /**
   * How the one before keeps it: the key of a label, `target`, `expected` or `lease`. Of the first the label that makes
   * it a root, or `root`.
   */
  readonly by: string;
}

/** Everything that stays. */
export interface Marked {
  has(item: Item): boolean;
  /** A shortest chain from a root to the item; undefined if nothing keeps it. */
  chainTo(item: Item): readonly Link[] | undefined;
  /** Every item that stays, with its size in bytes. */
  kept(): Iterable<{ readonly item: Item; readonly size: number }>;
}

interface Visit {
  readonly node: Node;
  readonly by: string;
  readonly from: Visit | undefined;
}

/**
 * Everything that is kept by some of the roots, by all of them by default (spec 6.3, 6.4). What a flat lease lists is
 * kept without what its labels refer to, an image among it with its target.
 */
export function mark(graph: Graph, roots: Iterable<Node> = graph.roots): Marked {
  const whole = new Map<Node, Visit>();
  const flat = new Map<Node, Visit>();
  const queue: [visit: Visit, isFlat: boolean][] = [];
  const reach = (node: Node, by: string, from: Visit | undefined, isFlat: boolean) => {
    const seen = isFlat ? flat : whole;
    if (seen.has(node)) return;
    const visit = { node, by, from };
    seen.set(node, visit);
    queue.push([visit, isFlat]);
  };
  for (const root of roots) reach(root, 'root', undefined, false);
  for (let next = 0; next < queue.length; next++) {
    const [visit, isFlat] = queue[next]!;
    for (const { node, by } of graph.references(visit.node)) {
      if (isFlat && by !== 'target') continue;
      // A write in progress is continued, so that what it will be is kept as a whole.
      const below = isFlat || (visit.node.lease?.flat === true && node.item.kind !== 'ingest');
      reach(node, by, visit, below);
    }
  }
  const visitOf = (item: Item) => {
    const node = graph.get(item);
    return node && shorter(whole.get(node), flat.get(node));
  };
  return {
    has: (item) => visitOf(item) !== undefined,
    chainTo(item) {
      const visit = visitOf(item);
      return visit && linksTo(visit);
    },
    *kept() {
      for (const node of whole.keys()) yield node;
      for (const node of flat.keys()) if (!whole.has(node)) yield node;
    },
  };
}

/** Why this root is one. */
export function rootKind({ item }: Pick<Node, 'item'>): RootKind {
  return item.kind === 'content' ? 'label' : item.kind;
}

/** A shortest chain to the item from each kind of root that keeps it. */
export function chainsTo(graph: Graph, item: Item): readonly { root: RootKind; links: readonly Link[] }[] {
  return ROOT_KINDS.flatMap((kind) => {
    const links = mark(
      graph,
      graph.roots.filter((node) => rootKind(node) === kind),
    ).chainTo(item);
    return links === undefined ? [] : [{ root: kind, links }];
  });
}

export const ROOT_KINDS: readonly RootKind[] = ['image', 'lease', 'ingest', 'label'];

function shorter(a: Visit | undefined, b: Visit | undefined): Visit | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return linksTo(b).length < linksTo(a).length ? b : a;
}

function linksTo(visit: Visit): Link[] {
  const links: Link[] = [];
  for (let step: Visit | undefined = visit; step !== undefined; step = step.from) {
    const { item, labels } = step.node;
    const root = step.from === undefined && item.kind === 'content';
    const by = root ? (Object.keys(labels).find((key) => key.startsWith(GC_ROOT)) ?? step.by) : step.by;
    links.push({ item, by });
  }
  return links.reverse();
}
