import type { Graph } from './gc-graph.js';
import { mark, rootKind, ROOT_KINDS, type RootKind } from './mark.js';

/** What one kind of root keeps. */
export interface KeptBy {
  readonly root: RootKind;
  /** Which lease; each is listed by itself. */
  readonly lease?: { readonly namespace: string; readonly id: string };
  readonly blobs: number;
  /** Of those blobs. */
  readonly bytes: number;
}

/**
 * Why what stays does: how many blobs are kept by images, how many of the others by each lease, then by unfinished
 * writes, then by labels that make content a root. Each blob counts once, however many namespaces hold it; who keeps
 * none is not listed.
 */
export function keptBy(graph: Graph): readonly KeptBy[] {
  const counted = new Set<string>();
  const count = (roots: Graph['roots']) => {
    const sum = { blobs: 0, bytes: 0 };
    for (const { item, size } of mark(graph, roots).kept()) {
      if (item.kind !== 'content' || counted.has(item.id)) continue;
      counted.add(item.id);
      sum.blobs += 1;
      sum.bytes += size;
    }
    return sum;
  };
  const found = ROOT_KINDS.flatMap((kind): KeptBy[] => {
    const roots = graph.roots.filter((node) => rootKind(node) === kind);
    if (kind !== 'lease') return [{ root: kind, ...count(roots) }];
    return roots.map((node) => {
      const { namespace, id } = node.item;
      return { root: 'lease', lease: { namespace, id }, ...count([node]) };
    });
  });
  return found.filter(({ blobs }) => blobs > 0);
}
