import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Labels } from '../content/store.js';
import { digestOf } from '../io/hash.js';
import type { Digest } from '../oci/digest.js';
import type { Holdings, LeaseResource } from './collection.js';
import { Graph } from './gc-graph.js';
import { mark } from './mark.js';

const NOW = new Date('2020-06-01T00:00:00Z');
const PAST = '2020-05-31T23:59:59Z';
const FUTURE = '2020-06-01T00:00:01Z';
const CONTENT = 'containerd.io/gc.ref.content';

const digest = (name: string): Digest => digestOf(Buffer.from(name));
const ref = (name: string): LeaseResource => ({ type: 'content', id: digest(name) });

/** The rules once more, as plainly as they can be said: sets that grow until nothing is added. */
function naive(world: Holdings, thorough: boolean): Set<string> {
  const key = (kind: string, namespace: string, id: string) => `${kind} ${namespace} ${id}`;
  const whole = new Set<string>();
  const flat = new Set<string>();
  const live = (time: string | undefined) => time !== PAST;
  const names = (prefix: string, labels: Labels) =>
    Object.entries(labels).flatMap(([label, value]) =>
      label === prefix || label.startsWith(`${prefix}.`) || label.startsWith(`${prefix}/`) ? [value] : [],
    );
  const exists = new Set([
    ...[...world.images].map(({ namespace, name }) => key('image', namespace, name)),
    ...[...world.content].map(({ namespace, digest }) => key('content', namespace, digest)),
    ...[...world.ingests].map(({ namespace, ref }) => key('ingest', namespace, ref)),
  ]);
  for (let before = -1; before !== whole.size + flat.size;) {
    before = whole.size + flat.size;
    const keep = (set: Set<string>, name: string) => exists.has(name) && set.add(name);
    for (const { namespace, id, labels, expiresAt, orphan, resources } of world.leases) {
      if ((expiresAt !== undefined && expiresAt < NOW) || (thorough && orphan)) continue;
      whole.add(key('lease', namespace, id));
      for (const { type, id } of resources) {
        const set = labels['containerd.io/gc.flat'] && type !== 'ingests' ? flat : whole;
        keep(set, key({ content: 'content', images: 'image', ingests: 'ingest' }[type], namespace, id));
      }
    }
    for (const { namespace, ref, active, expiresAt, orphan, expected } of world.ingests) {
      const self = key('ingest', namespace, ref);
      if (active || (expiresAt !== undefined && expiresAt > NOW && !(thorough && orphan))) whole.add(self);
      if (whole.has(self) && expected) keep(whole, key('content', namespace, expected));
    }
    const follow = (namespace: string, self: string, labels: Labels) => {
      if (whole.has(self)) {
        for (const id of names(CONTENT, labels)) keep(whole, key('content', namespace, id));
        for (const id of names('containerd.io/gc.ref.image', labels))
          keep(whole, key('image', namespace, id));
      }
      const parents = [
        ...names('containerd.io/gc.bref.content', labels).map((id) => key('content', namespace, id)),
        ...names('containerd.io/gc.bref.image', labels).map((id) => key('image', namespace, id)),
      ];
      if (parents.some((parent) => whole.has(parent))) whole.add(self);
    };
    for (const { namespace, name, target, labels } of world.images) {
      const self = key('image', namespace, name);
      if (live(labels['containerd.io/gc.expire'])) whole.add(self);
      if (whole.has(self)) keep(whole, key('content', namespace, target));
      if (flat.has(self)) keep(flat, key('content', namespace, target));
      follow(namespace, self, labels);
    }
    for (const { namespace, digest, labels } of world.content) {
      const self = key('content', namespace, digest);
      if (labels['containerd.io/gc.root']) whole.add(self);
      follow(namespace, self, labels);
    }
  }
  return new Set([...whole, ...flat]);
}

describe('whatever there is', () => {
  const names = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
  const namespaces = fc.constantFrom('default', 'other');
  const imageNames = fc.constantFrom('i', 'j', 'k');
  const expiry = fc.constantFrom(PAST, FUTURE);
  const labels = fc
    .array(
      fc.oneof(
        fc.tuple(
          fc.constantFrom(CONTENT, `${CONTENT}.l.0`, `${CONTENT}/x`, `${CONTENT}x`),
          names.map(digest),
        ),
        fc.tuple(fc.constantFrom('containerd.io/gc.ref.image', 'containerd.io/gc.ref.image.x'), imageNames),
        fc.tuple(fc.constant('containerd.io/gc.bref.content.x'), names.map(digest)),
        fc.tuple(fc.constant('containerd.io/gc.bref.image/x'), imageNames),
        fc.tuple(fc.constant('containerd.io/gc.expire'), expiry),
      ),
      { maxLength: 3 },
    )
    .map((entries): Labels => Object.fromEntries(entries));
  const rooted = fc
    .tuple(labels, fc.boolean(), fc.nat(3))
    .map(([all, root, odds]) => (root && odds === 0 ? { ...all, 'containerd.io/gc.root': '1' } : all));
  const date = fc.option(
    expiry.map((text) => new Date(text)),
    { nil: undefined },
  );
  const resource = fc.oneof(
    names.map(ref),
    imageNames.map((id): LeaseResource => ({ type: 'images', id })),
    fc.constantFrom('r', 's').map((id): LeaseResource => ({ type: 'ingests', id })),
  );
  const worlds = fc.record({
    images: fc.uniqueArray(
      fc.record({ namespace: namespaces, name: imageNames, target: names.map(digest), labels }),
      { maxLength: 4, selector: ({ namespace, name }) => `${namespace} ${name}` },
    ),
    content: fc.uniqueArray(
      fc.record({ namespace: namespaces, digest: names.map(digest), size: fc.nat(), labels: rooted }),
      { maxLength: 10, selector: ({ namespace, digest }) => `${namespace} ${digest}` },
    ),
    leases: fc.uniqueArray(
      fc.record({
        namespace: namespaces,
        id: fc.constantFrom('x', 'y'),
        labels: fc.constantFrom({}, { 'containerd.io/gc.flat': '1' }),
        expiresAt: date,
        orphan: fc.boolean(),
        resources: fc.array(resource, { maxLength: 3 }),
      }),
      { maxLength: 3, selector: ({ namespace, id }) => `${namespace} ${id}` },
    ),
    ingests: fc.uniqueArray(
      fc.record({
        namespace: namespaces,
        ref: fc.constantFrom('r', 's'),
        expected: fc.option(names.map(digest), { nil: undefined }),
        active: fc.boolean(),
        orphan: fc.boolean(),
        expiresAt: date,
      }),
      { maxLength: 3, selector: ({ namespace, ref }) => `${namespace} ${ref}` },
    ),
  });

  it('is kept exactly where the rules, said plainly, keep it', () => {
    fc.assert(
      fc.property(worlds, fc.boolean(), (world, thorough) => {
        const marked = mark(new Graph(world, { now: NOW, thorough }));
        const found = [...marked.kept()].map(
          ({ item: { kind, namespace, id } }) => `${kind} ${namespace} ${id}`,
        );
        expect(found.sort()).toEqual([...naive(world, thorough)].sort());
      }),
      { numRuns: 3000 },
    );
  });

  it('has a chain whose every step is a reference, from a root', () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const graph = new Graph(world, { now: NOW });
        const marked = mark(graph);
        for (const { item } of marked.kept()) {
          const links = marked.chainTo(item) ?? [];
          expect(links.at(-1)?.item).toEqual(item);
          expect(graph.roots.map((root) => root.item)).toContain(links[0]?.item);
          for (const [place, link] of links.slice(1).entries()) {
            const before = graph.get(links[place]!.item);
            const steps = before === undefined ? [] : graph.references(before);
            expect(steps.map(({ node, by }) => ({ item: node.item, by }))).toContainEqual(link);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
