import assert from 'node:assert/strict';
import type { Store } from '../images/store.js';
import { bytesOf, collect, listOf, rejectsWith, targetOf } from './content.js';
import type { SuiteTests } from './frame.js';

const shared = bytesOf(1, 100_000);
const more = bytesOf(2, 256);
const { digest, size } = targetOf(shared);

async function twoNamespaces(store: Store) {
  await store.content.put({ digest, size }, () => shared, { labels: { of: 'the first' } });
  return { first: store.content, second: store.namespace('elsewhere').content };
}

/** Bytes are shared by namespaces; what is known about them is not (spec 4.8, rows 13 and 14). */
export const sharedIngestTests: SuiteTests = {
  'needs no bytes for content another namespace holds': async (store) => {
    const { first, second } = await twoNamespaces(store);
    const ingest = await second.openIngest('share', { expect: digest });
    assert.equal(ingest.status.offset, size);
    assert.equal(ingest.status.digest, digest);
    assert.equal((await second.ingest('share'))?.offset, size);
    assert.equal(await second.stat({ digest }), undefined);
    const labels = { of: 'the second' };
    assert.deepEqual(await ingest.commit({ labels }), { digest, size, existed: true });
    for (const content of [first, second]) {
      assert.ok((await collect(content.read({ digest }))).equals(shared));
    }
    assert.deepEqual((await first.info(digest))?.labels, { of: 'the first' });
    assert.deepEqual((await second.info(digest))?.labels, labels);
    assert.deepEqual(await listOf(second.ingests()), []);
  },

  'does not take content of another size for what it is to have': async (store) => {
    const { second } = await twoNamespaces(store);
    const ingest = await second.openIngest('size', { expect: digest, total: size + 1 });
    assert.equal(ingest.status.offset, 0);
    await ingest.close();
  },

  'appends to a copy of what another namespace holds': async (store) => {
    const { first, second } = await twoNamespaces(store);
    const ingest = await second.openIngest('append', { expect: digest });
    await ingest.write(more);
    const both = Buffer.concat([shared, more]);
    assert.equal(ingest.status.offset, both.byteLength);
    assert.equal(ingest.status.digest, targetOf(both).digest);
    const stored = await ingest.commit({ expect: targetOf(both).digest });
    assert.deepEqual(stored, { digest: targetOf(both).digest, size: both.byteLength, existed: false });
    assert.ok((await collect(second.read(stored))).equals(both));
    assert.equal(await second.stat({ digest }), undefined);
    assert.ok((await collect(first.read({ digest }))).equals(shared));
    assert.equal(await first.stat(stored), undefined);
  },

  'commits shared content by another algorithm': async (store) => {
    const { second } = await twoNamespaces(store);
    const longer = targetOf(shared, 'sha512').digest;
    const ingest = await second.openIngest('longer', { expect: digest });
    await rejectsWith('MISMATCH', ingest.commit({ expect: targetOf(more).digest }));
    const again = await second.openIngest('longer', { expect: digest });
    assert.deepEqual(await again.commit({ expect: longer }), { digest: longer, size, existed: false });
    assert.ok((await collect(second.read({ digest: longer }))).equals(shared));
  },

  'begins empty where another namespace holds something, and its digest is not said': async (store) => {
    const { second } = await twoNamespaces(store);
    const ingest = await second.openIngest('isolated');
    assert.equal(ingest.status.offset, 0);
    await ingest.write(shared);
    assert.equal((await ingest.commit()).digest, digest);
  },

  'may be truncated and written though it was shared': async (store) => {
    const { first, second } = await twoNamespaces(store);
    const ingest = await second.openIngest('truncated', { expect: digest });
    await ingest.truncate();
    assert.equal(ingest.status.offset, 0);
    await ingest.write(more);
    assert.equal((await ingest.commit({ size: 256, expect: targetOf(more).digest })).size, 256);
    assert.ok((await collect(first.read({ digest }))).equals(shared));
  },

  'has what the other namespace lets go of while it is open': async (store) => {
    const { first, second } = await twoNamespaces(store);
    const ingest = await second.openIngest('late', { expect: digest });
    assert.equal(await first.delete(digest), true);
    await store.collector.collect({ thorough: true });
    assert.equal((await ingest.commit()).digest, digest);
    assert.ok((await collect(second.read({ digest }))).equals(shared));
    assert.equal(await first.stat({ digest }), undefined);
    assert.deepEqual(await listOf(second.ingests()), []);
  },

  'appends to what the other namespace lets go of while it is open': async (store) => {
    const { first, second } = await twoNamespaces(store);
    const ingest = await second.openIngest('late', { expect: digest });
    assert.equal(await first.delete(digest), true);
    await ingest.write(more);
    const both = Buffer.concat([shared, more]);
    const stored = await ingest.commit({ expect: targetOf(both).digest });
    assert.ok((await collect(second.read(stored))).equals(both));
  },
};
