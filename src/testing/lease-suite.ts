import assert from 'node:assert/strict';
import { bytesOf, failureOf, laterThan, listOf, rejectsWith, targetOf } from './content.js';
import {
  declareSuite,
  type StoreFactory,
  type SuiteOptions,
  type SuiteTests,
  type TestFrame,
} from './frame.js';

const DAY = 24 * 60 * 60 * 1000;

/** What every lease store must do (spec 6.1, and the contract in `images/store.ts`). */
export function leaseSuite(frame: TestFrame, factory: StoreFactory, options?: SuiteOptions): void {
  declareSuite(frame, 'lease store', tests, factory, options);
}

const tests: SuiteTests = {
  'makes leases of a day with names of their own': async ({ leases }) => {
    const before = Date.now();
    const [one, two] = [await leases.create(), await leases.create()];
    const after = Date.now();
    assert.notEqual(one.id, two.id);
    const infos = await listOf(leases.list());
    assert.deepEqual(infos.map(({ id }) => id).sort(), [one.id, two.id].sort());
    for (const { createdAt, expiresAt, labels } of infos) {
      assert.ok(before <= createdAt.getTime() && createdAt.getTime() <= after);
      assert.equal(expiresAt?.getTime(), createdAt.getTime() + DAY);
      assert.deepEqual(labels, {});
    }
  },

  'keeps the name, labels and time a lease is made with': async ({ leases }) => {
    await leases.create({ id: 'mine/1', labels: { a: '1' }, ttl: 60_000 });
    await leases.create({ id: 'for ever', ttl: Infinity });
    const infos = new Map((await listOf(leases.list())).map((info) => [info.id, info]));
    const mine = infos.get('mine/1');
    assert.deepEqual(mine?.labels, { a: '1' });
    assert.equal(Number(mine?.expiresAt) - Number(mine?.createdAt), 60_000);
    assert.equal(infos.get('for ever')?.expiresAt, undefined);
  },

  'refuses a name that is taken or empty, a time that is not positive, a label too long': async ({
    leases,
  }) => {
    await leases.create({ id: 'taken' });
    await rejectsWith('ALREADY_EXISTS', leases.create({ id: 'taken' }));
    await rejectsWith('INVALID', leases.create({ id: '' }));
    for (const ttl of [0, -1, NaN]) await rejectsWith('INVALID', leases.create({ ttl }));
    await rejectsWith('INVALID', leases.create({ labels: { a: 'v'.repeat(4096) } }));
    assert.equal((await listOf(leases.list())).length, 1);
  },

  'is gone when it is released, and a second release does nothing': async ({ leases }) => {
    const lease = await leases.create({ id: 'once' });
    await lease.release();
    assert.deepEqual(await listOf(leases.list()), []);
    await lease.release();
    await leases.create({ id: 'once' });
    await lease.release();
    assert.deepEqual(
      (await listOf(leases.list())).map(({ id }) => id),
      ['once'],
    );
  },

  'is gone when it is disposed of': async ({ leases }) => {
    const lease = await leases.create();
    await lease[Symbol.asyncDispose]();
    assert.deepEqual(await listOf(leases.list()), []);
  },

  'can be deleted by name': async ({ leases }) => {
    await leases.create({ id: 'a' });
    assert.equal(await leases.delete('a'), true);
    assert.equal(await leases.delete('a'), false);
    assert.deepEqual(await listOf(leases.list()), []);
  },

  'says what it says of one lease': async ({ leases }) => {
    await leases.create({ id: 'a', labels: { team: 'web' } });
    assert.deepEqual(await leases.get('a'), (await listOf(leases.list()))[0]);
    assert.equal(await leases.get('b'), undefined);
  },

  'lists in the order of the bytes of their names': async ({ leases }) => {
    const ids = ['b', '\u{1f600}', '\u{ffef}', 'a', 'B'];
    for (const id of ids) await leases.create({ id });
    assert.deepEqual(
      (await listOf(leases.list())).map(({ id }) => id),
      ['B', 'a', 'b', '\u{ffef}', '\u{1f600}'],
    );
  },

  'takes the time to expire from the label of containerd, and says it once': async ({ leases }) => {
    const label = { 'containerd.io/gc.expire': '2999-01-02T03:04:05+01:00', team: 'web' };
    await leases.create({ id: 'labelled', labels: label });
    await leases.create({ id: 'told', labels: label, ttl: Infinity });
    await leases.create({ id: 'nonsense', labels: { 'containerd.io/gc.expire': 'tomorrow' }, ttl: Infinity });
    const labelled = await leases.get('labelled');
    assert.equal(labelled?.expiresAt?.toISOString(), '2999-01-02T02:04:05.000Z');
    assert.deepEqual(labelled?.labels, { team: 'web' });
    assert.equal((await leases.get('told'))?.expiresAt, undefined);
    assert.deepEqual((await leases.get('nonsense'))?.labels, { 'containerd.io/gc.expire': 'tomorrow' });
  },

  'counts for nothing when it has expired': async (store) => {
    const { leases } = store;
    const lease = await leases.create({ id: 'short', ttl: 1 });
    const { expiresAt } = (await leases.get('short')) ?? { expiresAt: new Date() };
    await laterThan(expiresAt ?? new Date());
    assert.equal(await leases.get('short'), undefined);
    assert.deepEqual(await listOf(leases.list()), []);
    assert.equal(await leases.delete('short'), false);
    const resource = { type: 'images', id: 'x' } as const;
    await rejectsWith('NOT_FOUND', leases.addResource('short', resource));
    await rejectsWith('NOT_FOUND', listOf(leases.resources('short')));
    await rejectsWith(
      'NOT_FOUND',
      store.under(lease).content.put(undefined, () => bytesOf(1, 10)),
    );
    await leases.create({ id: 'short' });
    assert.deepEqual(await listOf(leases.resources('short')), []);
  },

  'is used by its name alone, and holds what is claimed and put under it': async (store) => {
    const { leases } = store;
    await leases.create({ id: 'mine' });
    const [claimed, put] = [targetOf(bytesOf(1, 10)), targetOf(bytesOf(2, 10))];
    await store.content.put(claimed, () => bytesOf(1, 10));
    const view = store.under({ id: 'mine' });
    await view.content.claim([claimed]);
    await view.content.put(put, () => bytesOf(2, 10));
    assert.deepEqual(
      (await listOf(leases.resources('mine'))).map(({ id }) => id),
      [claimed.digest, put.digest].sort(),
    );
    await store.content.delete(put.digest);
    assert.deepEqual(await listOf(leases.resources('mine')), [{ type: 'content', id: claimed.digest }]);
  },

  'holds of the images made under it those that may expire': async (store) => {
    await store.leases.create({ id: 'mine' });
    const view = store.under({ id: 'mine' });
    const labels = { 'containerd.io/gc.expire': '2999-01-01T00:00:00Z' };
    const target = targetOf(bytesOf(1, 10));
    await view.images.apply([
      { op: 'create', name: 'stays', target },
      { op: 'create', name: 'expires', target, labels },
      { op: 'create', name: 'becomes', target },
    ]);
    assert.deepEqual(await listOf(store.leases.resources('mine')), [{ type: 'images', id: 'expires' }]);
    await view.images.apply([{ op: 'update', name: 'becomes', labels }]);
    await view.images.apply([{ op: 'delete', name: 'expires' }]);
    assert.deepEqual(await listOf(store.leases.resources('mine')), [{ type: 'images', id: 'becomes' }]);
  },

  'keeps resources that are added by hand, until they are taken out': async ({ leases }) => {
    await leases.create({ id: 'a' });
    const { digest } = targetOf(bytesOf(1, 10));
    const resources = [
      { type: 'content', id: digest },
      { type: 'images', id: 'one' },
      { type: 'images', id: 'two' },
      { type: 'ingests', id: 'upload/1' },
    ] as const;
    for (const resource of [...resources].reverse()) await leases.addResource('a', resource);
    await leases.addResource('a', resources[0]);
    assert.deepEqual(await listOf(leases.resources('a')), resources);
    assert.equal(await leases.removeResource('a', resources[1]), true);
    assert.equal(await leases.removeResource('a', resources[1]), false);
    assert.equal((await listOf(leases.resources('a'))).length, 3);
    await leases.delete('a');
    await leases.create({ id: 'a' });
    assert.deepEqual(await listOf(leases.resources('a')), []);
  },

  'keeps what is no content of the store under it when that is deleted': async ({ content, leases }) => {
    await leases.create({ id: 'a' });
    const { digest } = targetOf(bytesOf(1, 10));
    await leases.addResource('a', { type: 'content', id: digest });
    assert.equal(await content.delete(digest), false);
    assert.deepEqual(await listOf(leases.resources('a')), [{ type: 'content', id: digest }]);
    await content.put(undefined, () => bytesOf(1, 10));
    assert.equal(await content.delete(digest), true);
    assert.deepEqual(await listOf(leases.resources('a')), []);
  },

  'lists more resources than a page has': async ({ leases }) => {
    await leases.create({ id: 'a' });
    const ids = Array.from({ length: 600 }, (_, number) => `image-${1000 + number}`);
    await Promise.all(ids.map((id) => leases.addResource('a', { type: 'images', id })));
    assert.deepEqual(
      (await listOf(leases.resources('a'))).map(({ id }) => id),
      ids,
    );
  },

  'refuses resources that are none, and those of a lease that is not there': async ({ leases }) => {
    await leases.create({ id: 'a' });
    const image = { type: 'images', id: 'x' } as const;
    await rejectsWith('INVALID', leases.addResource('a', { type: 'content', id: 'sha256:1' }));
    await rejectsWith('INVALID', leases.addResource('a', { type: 'images', id: '' }));
    await rejectsWith('INVALID', leases.addResource('a', { type: 'snapshots' as 'images', id: 'x' }));
    await rejectsWith('NOT_FOUND', leases.addResource('b', image));
    await rejectsWith('NOT_FOUND', leases.removeResource('b', image));
    await rejectsWith('NOT_FOUND', listOf(leases.resources('b')));
  },

  'does not let anything be named under one that has ended': async (store) => {
    const lease = await store.leases.create();
    const target = targetOf(bytesOf(1, 10));
    await lease.release();
    await rejectsWith('NOT_FOUND', store.under(lease).images.apply([{ op: 'create', name: 'x', target }]));
    assert.equal(await store.images.get('x'), undefined);
  },

  'lasts until it is released, if it is to': async ({ leases }) => {
    const lease = await leases.create({ id: 'lasting', lasting: true });
    await rejectsWith('ALREADY_EXISTS', leases.create({ id: 'lasting', lasting: true }));
    await lease.release();
    assert.equal(await leases.get('lasting'), undefined);
  },

  'belongs to one namespace': async (store) => {
    const elsewhere = store.namespace('elsewhere').leases;
    await store.leases.create({ id: 'a' });
    assert.deepEqual(await listOf(elsewhere.list()), []);
    await elsewhere.create({ id: 'a' });
    assert.equal(await elsewhere.delete('a'), true);
    assert.equal((await listOf(store.leases.list())).length, 1);
  },

  'rejects with the reason when it is aborted already': async ({ leases }) => {
    const reason = new Error('stop');
    const signal = AbortSignal.abort(reason);
    assert.equal(await failureOf(leases.create({ signal })), reason);
    assert.equal(await failureOf(leases.delete('a', { signal })), reason);
    assert.equal(await failureOf(listOf(leases.list({ signal }))), reason);
  },
};
