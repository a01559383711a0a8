import { describe, expect, it } from 'vitest';
import type { Labels } from '../content/store.js';
import { digestOf } from '../io/hash.js';
import type { Digest } from '../oci/digest.js';
import type { Holdings, Item, LeaseResource } from './collection.js';
import { Graph, type GraphOptions } from './gc-graph.js';
import { chainsTo, mark } from './mark.js';

const NOW = new Date('2020-06-01T00:00:00Z');
const PAST = '2020-05-31T23:59:59Z';
const FUTURE = '2020-06-01T00:00:01Z';

const digest = (name: string): Digest => digestOf(Buffer.from(name));

type Facts<T> = T extends Iterable<infer E> ? E : never;
type Image = Facts<Holdings['images']>;
type Content = Facts<Holdings['content']>;
type Lease = Facts<Holdings['leases']>;
type Ingest = Facts<Holdings['ingests']>;

const image = (name: string, target: string, labels: Labels = {}, namespace = 'default'): Image => ({
  namespace,
  name,
  target: digest(target),
  labels,
});
const content = (name: string, labels: Labels = {}, namespace = 'default'): Content => ({
  namespace,
  digest: digest(name),
  size: 1,
  labels,
});
const lease = (id: string, resources: readonly LeaseResource[], facts: Partial<Lease> = {}): Lease => ({
  ...{ namespace: 'default', labels: {}, expiresAt: undefined, orphan: false },
  ...{ id, resources },
  ...facts,
});
const ingest = (ref: string, facts: Partial<Ingest> = {}): Ingest => ({
  ...{ namespace: 'default', expected: undefined, active: false, orphan: false, expiresAt: undefined, ref },
  ...facts,
});
const ref = (name: string): LeaseResource => ({ type: 'content', id: digest(name) });

interface World {
  readonly images?: readonly Image[];
  readonly content?: readonly Content[];
  readonly leases?: readonly Lease[];
  readonly ingests?: readonly Ingest[];
}

const holdings = (world: World): Holdings => ({
  ...{ images: [], content: [], leases: [], ingests: [] },
  ...world,
});

/** What is kept, as `kind name`, in the default namespace without it. */
function kept(world: World, options: GraphOptions = {}): string[] {
  const names = new Map((world.content ?? []).map((each) => [each.digest as string, nameOf(each.digest)]));
  const graph = new Graph(holdings(world), { now: NOW, ...options });
  return [...mark(graph).kept()].map(({ item }) => show(item, names)).sort();
}

function show({ kind, namespace, id }: Item, names: ReadonlyMap<string, string>): string {
  return `${namespace === 'default' ? '' : `${namespace}:`}${kind} ${names.get(id) ?? id}`;
}

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'shared', 'index', 'manifest', 'config', 'layer'];
const nameOf = (wanted: Digest): string => NAMES.find((name) => digest(name) === wanted) ?? wanted;

const CONTENT = 'containerd.io/gc.ref.content';

describe('the mark', () => {
  it('keeps nothing that nobody refers to', () => {
    expect(kept({ content: [content('a', { [CONTENT]: digest('b') }), content('b')] })).toEqual([]);
  });

  it('keeps an image, its target, and what labels of content refer to', () => {
    const world = {
      images: [image('one', 'index')],
      content: [
        content('index', { [`${CONTENT}.m.0`]: digest('manifest'), [`${CONTENT}.m.1`]: digest('f') }),
        content('manifest', { [`${CONTENT}.config`]: digest('config'), [`${CONTENT}.l.0`]: digest('layer') }),
        ...[content('config'), content('layer'), content('a')],
      ],
    };
    expect(kept(world)).toEqual([
      'content config',
      'content index',
      'content layer',
      'content manifest',
      'image one',
    ]);
  });

  it('takes references with nothing, a dot or a slash behind their key, and no others', () => {
    const labels = {
      [CONTENT]: digest('a'),
      [`${CONTENT}.x`]: digest('b'),
      [`${CONTENT}/x`]: digest('c'),
      [`${CONTENT}s`]: digest('d'),
      [`${CONTENT}-x`]: digest('e'),
      'containerd.io/gc.ref': digest('f'),
    };
    const all = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => content(name));
    expect(kept({ images: [image('one', 'manifest', labels)], content: all })).toEqual([
      'content a',
      'content b',
      'content c',
      'image one',
    ]);
  });

  it('keeps content with a root label, its key a prefix, its value not empty', () => {
    const world = {
      content: [
        content('a', { 'containerd.io/gc.root': 'yes', [CONTENT]: digest('b') }),
        content('b'),
        content('c', { 'containerd.io/gc.root.mine': '2020' }),
        content('d', { 'containerd.io/gc.root': '' }),
        content('e', { 'x.containerd.io/gc.root': 'yes' }),
      ],
    };
    expect(kept(world)).toEqual(['content a', 'content b', 'content c']);
  });

  it('does not take a root label on an image for more than it is', () => {
    const labels = { 'containerd.io/gc.root': 'yes', 'containerd.io/gc.expire': PAST };
    expect(kept({ images: [image('one', 'a', labels)], content: [content('a')] })).toEqual([]);
  });

  it('lets images go that expired, and what only they kept', () => {
    const world = {
      images: [
        image('late', 'a', { 'containerd.io/gc.expire': PAST }),
        image('early', 'b', { 'containerd.io/gc.expire': FUTURE }),
        image('now', 'c', { 'containerd.io/gc.expire': NOW.toISOString() }),
        image('nonsense', 'd', { 'containerd.io/gc.expire': 'never' }),
      ],
      content: ['a', 'b', 'c', 'd'].map((name) => content(name)),
    };
    expect(kept(world)).toEqual([
      ...['content b', 'content c', 'content d'],
      ...['image early', 'image nonsense', 'image now'],
    ]);
  });

  it('keeps an expired image that another one, content or a lease refers to', () => {
    const labels = { 'containerd.io/gc.expire': PAST };
    const world = {
      images: [
        image('by-image', 'a', labels),
        image('by-content', 'b', labels),
        image('by-lease', 'c', labels),
        image('root', 'd', { 'containerd.io/gc.ref.image.other': 'by-image' }),
      ],
      content: [
        ...[content('a'), content('b'), content('c')],
        content('d', { 'containerd.io/gc.ref.image/x': 'by-content' }),
      ],
      leases: [lease('held', [{ type: 'images', id: 'by-lease' }])],
    };
    expect(kept(world)).toEqual([
      ...['content a', 'content b', 'content c', 'content d'],
      ...['image by-content', 'image by-image', 'image by-lease', 'image root', 'lease held'],
    ]);
  });

  it('keeps what leases list, and lets go of leases that expired', () => {
    const world = {
      content: [content('a', { [CONTENT]: digest('b') }), content('b'), content('c'), content('d')],
      leases: [
        lease('held', [ref('a'), ref('f')], { expiresAt: new Date(FUTURE) }),
        lease('late', [ref('c')], { expiresAt: new Date(PAST) }),
        lease('labelled', [ref('d')], { labels: { 'containerd.io/gc.expire': PAST } }),
      ],
    };
    expect(kept(world)).toEqual(['content a', 'content b', 'lease held']);
  });

  it('follows no labels from what a flat lease lists, but goes from an image to its target', () => {
    const world = {
      images: [image('one', 'b', { 'containerd.io/gc.expire': PAST, [`${CONTENT}.x`]: digest('d') })],
      content: [
        content('a', { [CONTENT]: digest('c') }),
        content('b', { [CONTENT]: digest('c') }),
        content('c'),
        content('d'),
        content('e', { 'containerd.io/gc.bref.content': digest('a') }),
        content('shared', { [CONTENT]: digest('f') }),
        content('f'),
      ],
      leases: [
        lease('flat', [ref('a'), ref('shared'), { type: 'images', id: 'one' }], {
          labels: { 'containerd.io/gc.flat': '1' },
        }),
        lease('other', [ref('shared')], { labels: { 'containerd.io/gc.flat': '' } }),
      ],
    };
    expect(kept(world)).toEqual([
      ...['content a', 'content b', 'content f', 'content shared'],
      ...['image one', 'lease flat', 'lease other'],
    ]);
  });

  it('keeps what says of itself that it belongs to something that stays', () => {
    const world = {
      images: [
        image('root', 'a'),
        image('late', 'c', {
          'containerd.io/gc.expire': PAST,
          'containerd.io/gc.bref.content.x': digest('a'),
        }),
      ],
      content: [
        content('a'),
        content('b', { 'containerd.io/gc.bref.image/x': 'root', [CONTENT]: digest('d') }),
        content('c'),
        content('d'),
        content('e', { 'containerd.io/gc.bref.content': digest('f') }),
        content('f'),
      ],
    };
    expect(kept(world)).toEqual([
      ...['content a', 'content b', 'content c', 'content d'],
      ...['image late', 'image root'],
    ]);
  });

  it('keeps writes in progress that are active, not expired or leased, and content they expect', () => {
    const world = {
      content: ['a', 'b', 'c', 'd', 'e'].map((name) => content(name)),
      ingests: [
        ingest('active', { active: true, expected: digest('a') }),
        ingest('fresh', { expiresAt: new Date(FUTURE), expected: digest('b') }),
        ingest('leased', { expiresAt: new Date(PAST), expected: digest('c') }),
        ingest('late', { expiresAt: new Date(PAST), expected: digest('d') }),
        ingest('forgotten', { expected: digest('e') }),
      ],
      leases: [lease('held', [{ type: 'ingests', id: 'leased' }])],
    };
    expect(kept(world)).toEqual([
      ...['content a', 'content b', 'content c'],
      ...['ingest active', 'ingest fresh', 'ingest leased', 'lease held'],
    ]);
  });

  it('lets go at once of what the dead left behind if it is thorough, unless a lease holds it', () => {
    const world = {
      content: ['a', 'b', 'c'].map((name) => content(name)),
      leases: [
        lease('orphan', [ref('a')], { orphan: true, expiresAt: new Date(FUTURE) }),
        lease('held', [{ type: 'ingests', id: 'leased' }]),
      ],
      ingests: [
        ingest('orphan', { orphan: true, expiresAt: new Date(FUTURE), expected: digest('b') }),
        ingest('leased', { orphan: true, expiresAt: new Date(FUTURE), expected: digest('c') }),
      ],
    };
    expect(kept(world)).toHaveLength(7);
    expect(kept(world, { thorough: true })).toEqual(['content c', 'ingest leased', 'lease held']);
  });

  it('takes the same digest in two namespaces for two things', () => {
    const world = {
      images: [image('one', 'a'), image('two', 'c', {}, 'other')],
      content: [
        content('a', { [CONTENT]: digest('b'), 'containerd.io/gc.ref.image': 'two' }),
        content('a', {}, 'other'),
        content('b', {}, 'other'),
        content('c', { 'containerd.io/gc.bref.content': digest('a') }),
      ],
    };
    expect(kept(world)).toEqual(['content a', 'content c', 'image one', 'other:image two']);
  });

  it('ends with references that go round in circles', () => {
    const world = {
      images: [image('one', 'a', { 'containerd.io/gc.ref.image': 'one' })],
      content: [content('a', { [CONTENT]: digest('b') }), content('b', { [CONTENT]: digest('a') })],
    };
    expect(kept(world)).toEqual(['content a', 'content b', 'image one']);
  });
});

describe('chains', () => {
  const graph = new Graph(
    holdings({
      images: [image('one', 'index'), image('two', 'manifest')],
      content: [
        content('index', { [`${CONTENT}.m.0`]: digest('manifest') }),
        content('manifest', { [`${CONTENT}.l.0`]: digest('layer') }),
        content('layer'),
        content('a', { 'containerd.io/gc.root': 'yes', [CONTENT]: digest('layer') }),
        content('b'),
      ],
      leases: [lease('held', [ref('layer')])],
      ingests: [ingest('up', { active: true, expected: digest('layer') })],
    }),
    { now: NOW },
  );
  const item = (name: string): Item => ({ kind: 'content', namespace: 'default', id: digest(name) });

  it('are the shortest from each kind of root', () => {
    const chains = chainsTo(graph, item('layer')).map(({ root, links }) => [
      root,
      ...links.map(({ item, by }) => [NAMES.find((name) => digest(name) === item.id) ?? item.id, by]),
    ]);
    expect(chains).toEqual([
      ['image', ['two', 'root'], ['manifest', 'target'], ['layer', `${CONTENT}.l.0`]],
      ['lease', ['held', 'root'], ['layer', 'lease']],
      ['ingest', ['up', 'root'], ['layer', 'expected']],
      ['label', ['a', 'containerd.io/gc.root'], ['layer', CONTENT]],
    ]);
  });

  it('are none where nothing keeps the item', () => {
    expect(chainsTo(graph, item('b'))).toEqual([]);
    expect(mark(graph).chainTo(item('f'))).toBeUndefined();
  });
});
