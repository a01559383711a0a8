import assert from 'node:assert/strict';
import { bytesOf, collect, failureOf, laterThan, listOf, rejectsWith, targetOf } from './content.js';
import type { SuiteTests } from './frame.js';

const small = bytesOf(1, 256);
const other = bytesOf(2, 256);

export const catalogTests: SuiteTests = {
  'changes the labels that are named, and the time of the change': async (store) => {
    const { digest } = await store.content.put(targetOf(small), () => small, {
      labels: { k1: 'v1', k2: 'v2', k3: 'v3' },
    });
    const before = await store.content.info(digest);
    assert.ok(before);
    await laterThan(before.updatedAt);
    const changed = await store.content.setLabels(digest, { k1: 'new', k3: null, k4: 'v4' });
    assert.deepEqual(changed.labels, { k1: 'new', k2: 'v2', k4: 'v4' });
    assert.deepEqual(changed.createdAt, before.createdAt);
    assert.ok(changed.updatedAt > before.updatedAt);
    assert.deepEqual(await store.content.info(digest), changed);
  },

  'takes a label with an empty value for none': async (store) => {
    const { digest } = await store.content.put(undefined, () => small, { labels: { a: '', b: '1', c: '2' } });
    assert.deepEqual((await store.content.info(digest))?.labels, { b: '1', c: '2' });
    assert.deepEqual((await store.content.setLabels(digest, { b: '' })).labels, { c: '2' });
  },

  'refuses a label that is too long, and changes nothing': async (store) => {
    const fits = { key: 'v'.repeat(4093) };
    const tooLong = { fine: 'too', key: 'ü'.repeat(2047) };
    await rejectsWith(
      'INVALID',
      store.content.put(targetOf(small), () => small, { labels: tooLong }),
    );
    assert.equal(await store.content.stat(targetOf(small)), undefined);
    const { digest } = await store.content.put(targetOf(small), () => small, { labels: fits });
    const error = await rejectsWith('INVALID', store.content.setLabels(digest, tooLong));
    assert.match(error.message, /4097 bytes\) greater than maximum size \(4096 bytes\)/);
    assert.deepEqual((await store.content.info(digest))?.labels, fits);
  },

  'cannot label what it does not hold': async (store) => {
    await rejectsWith('NOT_FOUND', store.content.setLabels(targetOf(small).digest, { a: '1' }));
  },

  'keeps labels that look like properties of objects': async (store) => {
    const labels = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c"}') as Record<string, string>;
    const { digest } = await store.content.put(undefined, () => small, { labels });
    const info = await store.content.info(digest);
    assert.deepEqual(Object.entries(info?.labels ?? {}).sort(), Object.entries(labels).sort());
  },

  'lists every blob in the order of digests': async (store) => {
    assert.deepEqual(await listOf(store.content.list()), []);
    const digests: string[] = [];
    for (let seed = 0; seed < 60; seed++) {
      const algorithm = seed % 10 === 0 ? 'sha512' : 'sha256';
      const stored = await store.content.put(undefined, () => bytesOf(seed, 16), { algorithm });
      digests.push(stored.digest);
    }
    digests.sort();
    const listed = (await listOf(store.content.list())).map(({ digest }) => digest as string);
    assert.deepEqual(listed, digests);
    const rest = await listOf(store.content.list({ after: digests[19] as string }));
    assert.deepEqual(
      rest.map(({ digest }) => digest as string),
      digests.slice(20),
    );
    assert.deepEqual(await listOf(store.content.list({ after: digests.at(-1) as string })), []);
  },

  'can be changed while it is listed': async (store) => {
    for (let seed = 0; seed < 10; seed++) await store.content.put(undefined, () => bytesOf(seed, 16));
    let seen = 0;
    for await (const { digest } of store.content.list()) {
      seen += 1;
      await store.content.setLabels(digest, { seen: 'yes' });
      await store.content.delete(digest);
    }
    assert.equal(seen, 10);
    assert.deepEqual(await listOf(store.content.list()), []);
  },

  'forgets a blob, and can hold it again': async (store) => {
    const { digest } = await store.content.put(targetOf(small), () => small, { labels: { a: '1' } });
    assert.equal(await store.content.delete(digest), true);
    assert.equal(await store.content.delete(digest), false);
    assert.equal(await store.content.info(digest), undefined);
    assert.equal((await store.content.claim([{ digest }])).size, 0);
    await rejectsWith('NOT_FOUND', collect(store.content.read({ digest })));
    assert.equal((await store.content.put(targetOf(small), () => small)).size, 256);
    assert.deepEqual((await store.content.info(digest))?.labels, {});
    assert.deepEqual(await collect(store.content.read({ digest })), Buffer.from(small));
  },

  'rejects every call with the reason when it is aborted already': async (store) => {
    const { digest } = await store.content.put(undefined, () => small);
    const reason = new Error('stop');
    const signal = AbortSignal.abort(reason);
    assert.equal(await failureOf(store.content.info(digest, { signal })), reason);
    assert.equal(await failureOf(store.content.setLabels(digest, { a: '1' }, { signal })), reason);
    assert.equal(await failureOf(store.content.delete(digest, { signal })), reason);
    assert.equal(await failureOf(listOf(store.content.list({ signal }))), reason);
    assert.deepEqual((await store.content.info(digest))?.labels, {});
  },

  'keeps namespaces apart': async (store) => {
    const elsewhere = store.namespace('elsewhere');
    assert.equal(elsewhere.namespaceName, 'elsewhere');
    await store.content.put(targetOf(small), () => small, { labels: { here: '1' } });
    const { digest } = targetOf(small);
    assert.equal(await elsewhere.content.stat(targetOf(small)), undefined);
    assert.equal(await elsewhere.content.info(digest), undefined);
    assert.deepEqual(await listOf(elsewhere.content.list()), []);
    await rejectsWith('NOT_FOUND', collect(elsewhere.content.read(targetOf(small))));
    await rejectsWith('NOT_FOUND', elsewhere.content.setLabels(digest, { there: '1' }));
    assert.equal(await elsewhere.content.delete(digest), false);

    await elsewhere.content.put(targetOf(small), () => small, { labels: { there: '1' } });
    assert.deepEqual((await elsewhere.content.info(digest))?.labels, { there: '1' });
    assert.deepEqual((await store.content.info(digest))?.labels, { here: '1' });
    assert.equal(await store.content.delete(digest), true);
    assert.deepEqual(await collect(elsewhere.content.read(targetOf(small))), Buffer.from(small));
    assert.equal(await store.content.stat(targetOf(other)), undefined);
  },
};
