import assert from 'node:assert/strict';
import type { Store } from '../images/store.js';
import { bytesOf, failureOf, listOf, rejectsWith, targetOf } from './content.js';
import type { SuiteTests } from './frame.js';
import { isFree, using } from './using-ingest.js';

const small = bytesOf(1, 256);
const other = bytesOf(2, 256);

/** Who has a reference, and for how long (spec 4.8, row 12, and the contract in `content/ingests.ts`). */
export const ingestReferenceTests: SuiteTests = {
  'is refused to others while somebody has it open': async (store) => {
    const ingest = await store.content.openIngest('mine');
    const error = await rejectsWith('BUSY', store.content.openIngest('mine'));
    assert.match(error.message, /open since \d{4}-\d\d-\d\dT/);
    await rejectsWith('BUSY', store.content.openIngest('mine', { patience: 30 }));
    await using(store, 'yours', async () => {});
    await ingest.close();
    await ingest.close();
    await using(store, 'mine', async () => {});
  },

  'is had by whoever waits for it when it is closed': async (store) => {
    const first = await store.content.openIngest('wanted');
    await first.write(small.subarray(0, 100));
    const waiting = store.content.openIngest('wanted', { patience: 60_000 });
    await first.write(small.subarray(100));
    await first.close();
    const second = await waiting;
    assert.equal(second.status.offset, 256);
    await second.commit({ expect: targetOf(small).digest });
  },

  'stops waiting when it is aborted': async (store) => {
    await using(store, 'wanted', async () => {
      const controller = new AbortController();
      const reason = { why: 'enough' };
      const { signal } = controller;
      const waiting = failureOf(store.content.openIngest('wanted', { patience: 60_000, signal }));
      setImmediate(() => controller.abort(reason));
      assert.equal(await waiting, reason);
    });
    await isFree(store, 'never opened');
  },

  'lists ingests in the order of references, of one namespace only': async (store) => {
    const refs = ['b', 'a/1', 'ü', 'a', '\u{1f600}', '\uff5e', '../up', 'with\nline'];
    for (const ref of refs) await using(store, ref, (ingest) => ingest.write(small));
    const elsewhere = store.namespace('elsewhere').content;
    await (await elsewhere.openIngest('a')).close();
    const listed = await listOf(store.content.ingests());
    const sorted = [...refs].sort((x, y) => Buffer.compare(Buffer.from(x), Buffer.from(y)));
    assert.deepEqual(
      listed.map(({ ref }) => ref),
      sorted,
    );
    assert.ok(listed.every(({ offset }) => offset === 256));
    const theirs = await listOf(elsewhere.ingests());
    assert.deepEqual(
      theirs.map(({ ref, offset }) => ({ ref, offset })),
      [{ ref: 'a', offset: 0 }],
    );
    assert.equal(await elsewhere.ingest('b'), undefined);
    assert.equal(await elsewhere.abortIngest('b'), false);
  },

  'is thrown away when it is aborted, also while it is open': async (store) => {
    assert.equal(await store.content.abortIngest('a'), false);
    await using(store, 'a', (ingest) => ingest.write(small));
    assert.equal(await store.content.abortIngest('a'), true);
    await isFree(store, 'a');
    await using(store, 'b', async (ingest) => {
      await ingest.write(small);
      assert.equal(await store.content.abortIngest('b'), true);
      await using(store, 'b', async (next) => {
        assert.equal(next.status.offset, 0);
        await next.write(other);
        await rejectsWith('CONFLICT', ingest.commit());
        assert.equal((await next.commit()).digest, targetOf(other).digest);
      });
    });
    assert.equal(await store.content.stat(targetOf(small)), undefined);
    await isFree(store, 'b');
  },

  'refuses an empty reference and sizes that are none': async ({ content }) => {
    await rejectsWith('INVALID', content.openIngest(''));
    for (const total of [-1, 0.5, NaN, 2 ** 53])
      await rejectsWith('INVALID', content.openIngest('a', { total }));
    assert.deepEqual(await listOf(content.ingests()), []);
  },

  'rejects with the reason when it is aborted already': async ({ content }) => {
    const reason = new Error('stop');
    const signal = AbortSignal.abort(reason);
    assert.equal(await failureOf(content.openIngest('a', { signal })), reason);
    assert.equal(await failureOf(listOf(content.ingests({ signal }))), reason);
    assert.equal(await failureOf(content.ingest('a', { signal })), reason);
    assert.equal(await failureOf(content.abortIngest('a', { signal })), reason);
    await using({ content } as Store, 'a', async (ingest) => {
      await ingest.write(small);
      assert.equal(await failureOf(ingest.commit({ signal })), reason);
    });
    assert.equal((await content.ingest('a'))?.offset, 256);
  },

  'is kept by the lease it is opened under, until it is committed or aborted': async (store) => {
    const lease = await store.leases.create();
    const view = store.under(lease);
    const kept = async () =>
      (await listOf(store.leases.resources(lease.id))).map(({ type, id }) => `${type} ${id}`);
    await using(view, 'one', (ingest) => ingest.write(small));
    await using(view, 'two', (ingest) => ingest.write(other));
    assert.deepEqual(await kept(), ['ingests one', 'ingests two']);
    assert.equal(await store.content.abortIngest('two'), true);
    assert.deepEqual(await kept(), ['ingests one']);
    await using(view, 'one', (ingest) => ingest.commit());
    assert.deepEqual(await kept(), [`content ${targetOf(small).digest}`]);
    await view.content.delete(targetOf(small).digest);
    await store.content.put(targetOf(small), () => small);
    await rejectsWith('ALREADY_EXISTS', view.content.openIngest('known', { expect: targetOf(small).digest }));
    assert.deepEqual(await kept(), [`content ${targetOf(small).digest}`]);
    await lease.release();
    await rejectsWith('NOT_FOUND', view.content.openIngest('three'));
    assert.deepEqual(await listOf(store.content.ingests()), []);
  },
};
