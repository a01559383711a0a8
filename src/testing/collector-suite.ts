import assert from 'node:assert/strict';
import type { Labels } from '../content/store.js';
import type { CollectOptions, Removed } from '../images/collection.js';
import type { ImageChange, Store } from '../images/store.js';
import type { Digest } from '../oci/digest.js';
import { bytesOf, failureOf, laterThan, listOf, targetOf } from './content.js';
import {
  declareSuite,
  type StoreFactory,
  type SuiteOptions,
  type SuiteTests,
  type TestFrame,
} from './frame.js';

/** What every collector must do (spec 6.2 to 6.5, and the contract in `images/collection.ts`). */
export function collectorSuite(frame: TestFrame, factory: StoreFactory, options?: SuiteOptions): void {
  declareSuite(frame, 'collector', tests, factory, options);
}

const REF = 'containerd.io/gc.ref.content';
const PAST = '2000-01-01T00:00:00Z';
const SIZE = 100;

const digest = (seed: number): Digest => targetOf(bytesOf(seed, SIZE)).digest;

async function put(store: Store, seed: number, labels: Labels = {}): Promise<void> {
  await store.content.put(targetOf(bytesOf(seed, SIZE)), () => bytesOf(seed, SIZE), { labels });
}

const naming = (name: string, seed: number, labels: Labels = {}): ImageChange => {
  return { op: 'create', name, target: targetOf(bytesOf(seed, SIZE)), labels };
};

/** A manifest 1 of a configuration 2 and a layer 3, named. */
async function putImage(store: Store): Promise<void> {
  await put(store, 3);
  await put(store, 2);
  await put(store, 1, { [`${REF}.config`]: digest(2), [`${REF}.l.0`]: digest(3) });
  await store.images.apply([naming('image', 1)]);
}

async function held(store: Store): Promise<string[]> {
  return (await listOf(store.content.list())).map((info) => info.digest);
}

async function expectHeld(store: Store, ...seeds: number[]): Promise<void> {
  assert.deepEqual(await held(store), seeds.map(digest).sort());
}

async function collect(store: Store, options: CollectOptions = {}) {
  const removed: Removed[] = [];
  const result = await store.collector.collect({ ...options, onRemoved: (each) => void removed.push(each) });
  for (const kind of ['image', 'content', 'ingest', 'lease', 'blob'] as const) {
    assert.equal(result.removed[kind], removed.filter((each) => each.kind === kind).length, kind);
  }
  assert.equal(
    result.freedBytes,
    removed.reduce((sum, { size = 0 }) => sum + size, 0),
  );
  return { ...result, all: removed };
}

const tests: SuiteTests = {
  'finds nothing in an empty store': async (store) => {
    const { removed, freedBytes, failed, kept } = await collect(store, { thorough: true });
    assert.deepEqual(removed, { image: 0, content: 0, ingest: 0, lease: 0, blob: 0 });
    assert.deepEqual(
      { freedBytes, failed, kept },
      { freedBytes: 0, failed: 0, kept: { blobs: 0, bytes: 0 } },
    );
  },

  'keeps an image with everything its labels lead to, and removes the rest': async (store) => {
    await putImage(store);
    await put(store, 4, { [REF]: digest(5) });
    await put(store, 5);
    const { removed, freedBytes, kept, all } = await collect(store);
    assert.deepEqual(removed, { image: 0, content: 2, ingest: 0, lease: 0, blob: 2 });
    assert.equal(freedBytes, 2 * SIZE);
    assert.deepEqual(kept, { blobs: 3, bytes: 3 * SIZE });
    await expectHeld(store, 1, 2, 3);
    assert.deepEqual(
      all.map((each) => ('digest' in each ? each.digest : `${each.namespace} ${each.id}`)).sort(),
      [digest(4), digest(5), `default ${digest(4)}`, `default ${digest(5)}`].sort(),
    );
    assert.equal(await store.content.stat({ digest: digest(4) }), undefined);
  },

  'removes an image that has lost its name, and nothing a second time': async (store) => {
    await putImage(store);
    await store.images.apply([{ op: 'delete', name: 'image' }]);
    assert.equal((await collect(store)).removed.blob, 3);
    assert.deepEqual(await held(store), []);
    assert.deepEqual((await collect(store, { thorough: true })).all, []);
    await putImage(store);
    assert.deepEqual((await collect(store)).all, []);
    await expectHeld(store, 1, 2, 3);
  },

  'says in a dry run what it would do, and does nothing': async (store) => {
    await putImage(store);
    await put(store, 4);
    await store.images.apply([naming('late', 5, { 'containerd.io/gc.expire': PAST })]);
    const lease = await store.leases.create({ id: 'late', ttl: 1 });
    await laterThan((await store.leases.get(lease.id))?.expiresAt ?? new Date());
    for (const thorough of [false, true]) {
      const { removed, freedBytes, kept } = await collect(store, { dryRun: true, thorough });
      assert.deepEqual(removed, { image: 1, content: 1, ingest: 0, lease: 1, blob: 1 });
      assert.equal(freedBytes, SIZE);
      assert.deepEqual(kept, { blobs: 3, bytes: 3 * SIZE });
    }
    await expectHeld(store, 1, 2, 3, 4);
    assert.ok(await store.images.get('late'));
    assert.deepEqual((await collect(store)).removed, { image: 1, content: 1, ingest: 0, lease: 1, blob: 1 });
    await expectHeld(store, 1, 2, 3);
  },

  'keeps what has a root label': async (store) => {
    await put(store, 1, { 'containerd.io/gc.root': 'yes', [REF]: digest(2) });
    await put(store, 2);
    await put(store, 3, { 'containerd.io/gc.root.x': 'yes' });
    await put(store, 4, { 'containerd.io/gc.rooted': 'yes' });
    await put(store, 5, { 'containerd.io/gc.ref': 'yes' });
    await collect(store);
    await expectHeld(store, 1, 2, 3, 4);
    await store.content.setLabels(digest(1), { 'containerd.io/gc.root': null });
    await collect(store);
    await expectHeld(store, 3, 4);
  },

  'removes images that have expired, unless something refers to them': async (store) => {
    const late = { 'containerd.io/gc.expire': PAST };
    for (const seed of [1, 2, 3, 4]) await put(store, seed);
    await store.images.apply([
      naming('late', 1, late),
      naming('held', 2, late),
      naming('early', 3, { 'containerd.io/gc.expire': '2999-01-01T00:00:00Z' }),
      naming('nonsense', 4, { 'containerd.io/gc.expire': 'yesterday', 'containerd.io/gc.ref.image': 'held' }),
    ]);
    assert.deepEqual((await collect(store)).removed, { image: 1, content: 1, ingest: 0, lease: 0, blob: 1 });
    assert.deepEqual(
      (await listOf(store.images.list())).map(({ name }) => name),
      ['early', 'held', 'nonsense'],
    );
    await expectHeld(store, 2, 3, 4);
  },

  'keeps what says of itself that it belongs to something that stays': async (store) => {
    await putImage(store);
    await put(store, 4, { 'containerd.io/gc.bref.content.subject': digest(1) });
    await put(store, 5, { 'containerd.io/gc.bref.image': 'image' });
    await put(store, 6, { 'containerd.io/gc.bref.image': 'another' });
    await collect(store);
    await expectHeld(store, 1, 2, 3, 4, 5);
  },

  'keeps what is under a lease, with what it refers to, until that ends': async (store) => {
    const lease = await store.leases.create();
    await put(store, 2);
    await put(store.under(lease), 1, { [REF]: digest(2) });
    await put(store, 3);
    await store.under(lease).content.claim([targetOf(bytesOf(3, SIZE))]);
    await put(store, 4);
    await collect(store, { thorough: true });
    await expectHeld(store, 1, 2, 3);
    await lease.release();
    await collect(store);
    await expectHeld(store);
  },

  'keeps what a flat lease lists, and nothing below': async (store) => {
    const lease = await store.leases.create({ labels: { 'containerd.io/gc.flat': '1' } });
    await put(store, 2);
    await put(store.under(lease), 1, { [REF]: digest(2) });
    await put(store, 4);
    await put(store, 3, { [REF]: digest(4) });
    const late = { 'containerd.io/gc.expire': PAST };
    await store.under(lease).images.apply([naming('late', 3, late)]);
    await collect(store);
    await expectHeld(store, 1, 3);
    assert.ok(await store.images.get('late'));
  },

  'removes leases that have expired, with what only they kept': async (store) => {
    const lease = await store.leases.create({ id: 'short', ttl: 1000 });
    const lasting = await store.leases.create({ id: 'lasting', ttl: Infinity, lasting: true });
    await put(store.under(lease), 1);
    await put(store.under(lasting), 2);
    await laterThan((await store.leases.get('short'))?.expiresAt ?? new Date());
    assert.deepEqual((await collect(store, { thorough: true })).removed, {
      ...{ image: 0, content: 1, ingest: 0, lease: 1, blob: 1 },
    });
    await expectHeld(store, 2);
    assert.ok(await store.leases.get('lasting'));
  },

  'collects every namespace, each by itself': async (store) => {
    const other = store.namespace('other');
    await putImage(store);
    await put(other, 1, { [REF]: digest(2) });
    await put(other, 2);
    await put(other, 4);
    await other.images.apply([naming('four', 4)]);
    const { removed, freedBytes } = await collect(store);
    assert.deepEqual(removed, { image: 0, content: 2, ingest: 0, lease: 0, blob: 0 });
    assert.equal(freedBytes, 0);
    await expectHeld(store, 1, 2, 3);
    await expectHeld(other, 4);
    await store.images.apply([{ op: 'delete', name: 'image' }]);
    assert.equal((await collect(other)).removed.blob, 3);
    await expectHeld(store);
    await expectHeld(other, 4);
  },

  'keeps bytes for as long as one namespace needs them': async (store) => {
    const other = store.namespace('other');
    await putImage(store);
    await putImage(other);
    await store.images.apply([{ op: 'delete', name: 'image' }]);
    assert.deepEqual((await collect(store)).removed, { image: 0, content: 3, ingest: 0, lease: 0, blob: 0 });
    await expectHeld(store);
    await expectHeld(other, 1, 2, 3);
    for (const seed of [1, 2, 3]) {
      assert.equal((await listOf(other.content.read({ digest: digest(seed) }))).length, 1);
    }
  },

  'keeps writes in progress, open or not': async (store) => {
    const open = await store.content.openIngest('open');
    await open.write(bytesOf(1, SIZE));
    const closed = await store.content.openIngest('closed', { expect: digest(2) });
    await closed.write(bytesOf(2, SIZE));
    await closed.close();
    assert.deepEqual((await collect(store, { thorough: true })).all, []);
    const { ingests } = await store.collector.holdings();
    assert.deepEqual(
      [...ingests]
        .map(({ namespace, ref, expected, active, orphan }) => [namespace, ref, expected, active, orphan])
        .sort(),
      [
        ['default', 'closed', digest(2), false, false],
        ['default', 'open', undefined, true, false],
      ],
    );
    assert.equal((await open.commit()).digest, digest(1));
    const again = await store.content.openIngest('closed');
    assert.equal(again.status.offset, SIZE);
    await again.commit();
    await expectHeld(store, 1, 2);
    await collect(store);
    await expectHeld(store);
  },

  'ends with references that go round in circles or nowhere': async (store) => {
    await put(store, 1, { [REF]: digest(2) });
    await put(store, 2, { [REF]: digest(1), [`${REF}.x`]: digest(99), [`${REF}.y`]: 'nonsense' });
    await put(store, 3, { [REF]: digest(4) });
    await put(store, 4, { [REF]: digest(3) });
    await store.images.apply([naming('image', 1), naming('nowhere', 98)]);
    await collect(store);
    await expectHeld(store, 1, 2);
    assert.ok(await store.images.get('nowhere'));
  },

  'takes in again what it has removed': async (store) => {
    await put(store, 1);
    await collect(store);
    await put(store, 1);
    await store.images.apply([naming('image', 1)]);
    await collect(store);
    await expectHeld(store, 1);
  },

  'says what there is': async (store) => {
    const other = store.namespace('other');
    const labels = { [REF]: digest(2) };
    await put(store, 1, labels);
    await store.images.apply([naming('image', 1, labels)]);
    const lease = await other.leases.create({ id: 'mine', ttl: Infinity });
    await other.leases.addResource(lease.id, { type: 'images', id: 'x' });
    const { images, content, leases, ingests } = await store.collector.holdings();
    assert.deepEqual([...images], [{ namespace: 'default', name: 'image', target: digest(1), labels }]);
    assert.deepEqual([...content], [{ namespace: 'default', digest: digest(1), size: SIZE, labels }]);
    assert.deepEqual(
      [...leases],
      [
        {
          ...{ namespace: 'other', id: 'mine', labels: {}, expiresAt: undefined, orphan: false },
          resources: [{ type: 'images', id: 'x' }],
        },
      ],
    );
    assert.deepEqual([...ingests], []);
  },

  'rejects with the reason when it is aborted already': async (store) => {
    await put(store, 1);
    const reason = new Error('stop');
    const signal = AbortSignal.abort(reason);
    assert.equal(await failureOf(store.collector.collect({ signal })), reason);
    assert.equal(await failureOf(store.collector.collect({ signal, dryRun: true })), reason);
    assert.equal(await failureOf(store.collector.holdings({ signal })), reason);
    await expectHeld(store, 1);
  },
};
