import assert from 'node:assert/strict';
import { failureOf, listOf, rejectsWith } from './content.js';
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
