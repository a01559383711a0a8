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
  /** What a lease lists; empty for anything else. */
  readonly resources: readonly LeaseResource[];
  /** It keeps what it refers to directly, and not what that refers to. */
  readonly flat: boolean;
  /** Nodes that say of themselves that they stay with this one. */
  readonly dependents: Reference[];
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
  readonly #nodes = {
    image: new Map<string, Map<string, Node>>(),
    content: new Map<string, Map<string, Node>>(),
    ingest: new Map<string, Map<string, Node>>(),
    lease: new Map<string, Map<string, Node>>(),
  } satisfies Record<Item['kind'], unknown>;

  constructor(holdings: Holdings, { now = new Date(), thorough = false }: GraphOptions = {}) {
    const roots: Node[] = [];
    const add = (item: Item, isRoot: boolean, facts: Partial<Node>) => {
      const node = { labels: {}, size: 0, target: undefined, resources: [], flat: false, ...facts };
      if (isRoot) roots.push(this.#add({ ...node, item, dependents: [] }));
      else this.#add({ ...node, item, dependents: [] });
    };
    for (const { namespace, name, target, labels } of holdings.images) {
      add({ kind: 'image', namespace, id: name }, !hasExpired(expiryOf(labels), now), { labels, target });
    }
    for (const { namespace, id, labels, expiresAt, orphan, resources } of holdings.leases) {
      const counts = !hasExpired(expiresAt ?? expiryOf(labels), now) && !(thorough && orphan);
      add({ kind: 'lease', namespace, id }, counts, {
        labels,
        resources,
        flat: Boolean(labels[GC_FLAT]),
      });
    }
    for (const { namespace, ref, expected, active, orphan, expiresAt } of holdings.ingests) {
      const waitedFor = expiresAt !== undefined && !hasExpired(expiresAt, now) && !(thorough && orphan);
      add({ kind: 'ingest', namespace, id: ref }, active || waitedFor, { target: expected });
    }
    for (const { namespace, digest, size, labels } of holdings.content) {
      add({ kind: 'content', namespace, id: digest }, isRootByLabel(labels), { labels, size });
    }
    this.roots = roots;
    for (const node of this.nodes()) this.#addDependent(node);
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
    const { item, resources, target } = node;
    const found: Reference[] = [];
    const add = (kind: Item['kind'], id: string, by: string) => {
      const referred = this.#nodes[kind].get(item.namespace)?.get(id);
      if (referred !== undefined) found.push({ node: referred, by });
    };
    for (const { type, id } of resources) add(KINDS[type], id, 'lease');
    if (target !== undefined) add('content', target, item.kind === 'ingest' ? 'expected' : 'target');
    if (item.kind === 'lease') return found;
    for (const [key, value] of Object.entries(node.labels)) {
      if (!key.startsWith(GC_PREFIX)) continue;
      if (isKeyOf(GC_REF_CONTENT, key)) add('content', value, key);
      else if (isKeyOf(GC_REF_IMAGE, key)) add('image', value, key);
    }
    found.push(...node.dependents);
    return found;
  }

  #add(node: Node): Node {
    const namespaces = this.#nodes[node.item.kind];
    const { namespace, id } = node.item;
    let nodes = namespaces.get(namespace);
    if (nodes === undefined) {
      nodes = new Map<string, Node>();
      namespaces.set(namespace, nodes);
    }
    nodes.set(id, node);
    return node;
  }

  #addDependent(node: Node): void {
    if (node.item.kind === 'lease') return;
    for (const [key, id] of Object.entries(node.labels)) {
      const kind = isKeyOf(GC_BREF_CONTENT, key)
        ? 'content'
        : isKeyOf(GC_BREF_IMAGE, key)
          ? 'image'
          : undefined;
      if (kind !== undefined) this.get({ ...node.item, kind, id })?.dependents.push({ node, by: key });
    }
  }
}

const KINDS = { content: 'content', images: 'image', ingests: 'ingest' } as const satisfies Record<
  LeaseResource['type'],
  Item['kind']
>;

function isRootByLabel(labels: Labels): boolean {
  return Object.entries(labels).some(([key, value]) => key.startsWith(GC_ROOT) && value !== '');
}
