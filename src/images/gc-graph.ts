/** Who refers to whom among what is held, as labels, targets and leases say it (spec 6.2 to 6.4). */
import type { Labels } from '../content/store.js';
import type { Digest } from '../oci/digest.js';
import type { Holdings, Item, LeaseResource } from './collection.js';
import {
  expiryOf,
  GC_BREF_CONTENT,
  GC_BREF_IMAGE,
  GC_FLAT,
  GC_PREFIX,
  GC_REF_CONTENT,
  GC_REF_IMAGE,
  GC_ROOT,
  hasExpired,
  isKeyOf,
} from './gc-labels.js';

/** Something that is held. Equal only to itself. */
export interface Node {
  readonly item: Item;
  readonly labels: Labels;
  /** In bytes; 0 for what is no content. */
  readonly size: number;
  /** What it refers to beside its labels: the target of an image, the expected content of an ingest. */
  readonly target: Digest | undefined;
  /** Of a lease: what it lists, and whether it keeps only that and not what it refers to. */
  readonly lease: { readonly resources: readonly LeaseResource[]; readonly flat: boolean } | undefined;
}

/** An edge: what is kept, and how: the key of a label, `target`, `expected` or `lease`. */
export interface Reference {
  readonly node: Node;
  readonly by: string;
}

export interface GraphOptions {
  /** @default the time it is */
  readonly now?: Date;
  /** What the dead left behind counts for nothing. @default false */
  readonly thorough?: boolean;
}

/** The graph of what is held. References to what is not there lead nowhere. */
export class Graph {
  /** What stays without anything that refers to it, in the order of the holdings. */
  readonly roots: readonly Node[];
  /** Nodes that say of themselves that they stay with this one. */
  readonly #dependents = new Map<Node, Reference[]>();
  readonly #nodes = {
    image: new Map<string, Map<string, Node>>(),
    content: new Map<string, Map<string, Node>>(),
    ingest: new Map<string, Map<string, Node>>(),
    lease: new Map<string, Map<string, Node>>(),
  } satisfies Record<Item['kind'], unknown>;

  constructor(holdings: Holdings, { now = new Date(), thorough = false }: GraphOptions = {}) {
    const roots: Node[] = [];
    const add = (node: Node, isRoot: boolean) => {
      this.#add(node);
      if (isRoot) roots.push(node);
    };
    for (const { namespace, name, target, labels } of holdings.images) {
      const item: Item = { kind: 'image', namespace, id: name };
      add({ item, labels, size: 0, target, lease: undefined }, !hasExpired(expiryOf(labels), now));
    }
    for (const { namespace, id, labels, expiresAt, orphan, resources } of holdings.leases) {
      const counts = !hasExpired(expiresAt ?? expiryOf(labels), now) && !(thorough && orphan);
      const item: Item = { kind: 'lease', namespace, id };
      const lease = { resources, flat: Boolean(labels[GC_FLAT]) };
      add({ item, labels, size: 0, target: undefined, lease }, counts);
    }
    for (const { namespace, ref, expected, active, orphan, expiresAt } of holdings.ingests) {
      const waitedFor = expiresAt !== undefined && !hasExpired(expiresAt, now) && !(thorough && orphan);
      const item: Item = { kind: 'ingest', namespace, id: ref };
      add({ item, labels: {}, size: 0, target: expected, lease: undefined }, active || waitedFor);
    }
    for (const { namespace, digest, size, labels } of holdings.content) {
      const item: Item = { kind: 'content', namespace, id: digest };
      add({ item, labels, size, target: undefined, lease: undefined }, isRootByLabel(labels));
    }
    this.roots = roots;
    for (const node of this.nodes()) this.#addToParents(node);
  }

  get({ kind, namespace, id }: Item): Node | undefined {
    return this.#nodes[kind].get(namespace)?.get(id);
  }

  *nodes(): Iterable<Node> {
    for (const namespaces of Object.values(this.#nodes)) {
      for (const nodes of namespaces.values()) yield* nodes.values();
    }
  }

  /** Everything that stays because the node does. */
  references(node: Node): Reference[] {
    const { item, labels, lease, target } = node;
    const found: Reference[] = [];
    const add = (kind: Item['kind'], id: string, by: string) => {
      const referred = this.#nodes[kind].get(item.namespace)?.get(id);
      if (referred !== undefined) found.push({ node: referred, by });
    };
    if (target !== undefined) add('content', target, item.kind === 'ingest' ? 'expected' : 'target');
    if (lease !== undefined) {
      for (const { type, id } of lease.resources) add(KINDS[type], id, 'lease');
      return found;
    }
    for (const key in labels) {
      if (!key.startsWith(GC_PREFIX)) continue;
      if (isKeyOf(GC_REF_CONTENT, key)) add('content', labels[key]!, key);
      else if (isKeyOf(GC_REF_IMAGE, key)) add('image', labels[key]!, key);
    }
    const dependents = this.#dependents.get(node);
    if (dependents !== undefined) found.push(...dependents);
    return found;
  }

  #add(node: Node): void {
    const namespaces = this.#nodes[node.item.kind];
    const { namespace, id } = node.item;
    let nodes = namespaces.get(namespace);
    if (nodes === undefined) {
      nodes = new Map<string, Node>();
      namespaces.set(namespace, nodes);
    }
    nodes.set(id, node);
  }

  #addToParents(node: Node): void {
    if (node.lease !== undefined) return;
    for (const key in node.labels) {
      const kind = isKeyOf(GC_BREF_CONTENT, key)
        ? 'content'
        : isKeyOf(GC_BREF_IMAGE, key)
          ? 'image'
          : undefined;
      if (kind === undefined) continue;
      const parent = this.get({ ...node.item, kind, id: node.labels[key]! });
      if (parent === undefined) continue;
      const others = this.#dependents.get(parent);
      if (others === undefined) this.#dependents.set(parent, [{ node, by: key }]);
      else others.push({ node, by: key });
    }
  }
}

const KINDS = { content: 'content', images: 'image', ingests: 'ingest' } as const satisfies Record<
  LeaseResource['type'],
  Item['kind']
>;

function isRootByLabel(labels: Labels): boolean {
  for (const key in labels) if (key.startsWith(GC_ROOT) && labels[key] !== '') return true;
  return false;
}
