import assert from 'node:assert/strict';
import { SHAREABLE } from '../images/namespaces.js';
import type { Store } from '../images/store.js';
import { bytesOf, collect, rejectsWith, targetOf } from './content.js';
import {
  declareSuite,
  type StoreFactory,
  type SuiteOptions,
  type SuiteTests,
  type TestFrame,
} from './frame.js';

const bytes = bytesOf(1, 100_000);
const { digest, size } = targetOf(bytes);
const nothing = targetOf(new Uint8Array(0)).digest;

/** A store whose default namespace holds the bytes, and content of another one. */
async function twoNamespaces(store: Store, labels: Readonly<Record<string, string>> = {}) {
  await store.content.put({ digest, size }, () => bytes);
  await store.namespaces.setLabels('default', labels);
  return { first: store.content, second: store.namespace('elsewhere').content };
}

/** A source that counts how often it is opened. */
function counted() {
  const source = { opened: 0, open: () => ((source.opened += 1), bytes) };
  return source;
}

const isolationTests: SuiteTests = {
  'begins an ingest empty although another namespace holds the content': async (store) => {
    const { first, second } = await twoNamespaces(store);
    const ingest = await second.openIngest('isolated', { expect: digest, total: size });
    assert.equal(ingest.status.offset, 0);
    assert.equal(ingest.status.digest, nothing);
    assert.equal((await second.ingest('isolated'))?.offset, 0);
    await rejectsWith('MISMATCH', ingest.commit());
    const again = await second.openIngest('isolated', { expect: digest });
    await again.write(bytes);
    assert.deepEqual(await again.commit(), { digest, size, existed: false });
    for (const content of [first, second]) {
      assert.ok((await collect(content.read({ digest }))).equals(bytes));
    }
  },

  'needs the bytes of a put although another namespace holds them': async (store) => {
    const { second } = await twoNamespaces(store);
    const source = counted();
    assert.deepEqual(await second.put({ digest, size }, source.open), { digest, size, existed: false });
    assert.equal(source.opened, 1);
    assert.deepEqual(await second.put({ digest, size }, source.open), { digest, size, existed: true });
    assert.equal(source.opened, 1);
  },

  'refuses other bytes for what another namespace holds': async (store) => {
    const { first, second } = await twoNamespaces(store);
    await rejectsWith(
      'MISMATCH',
      second.put({ digest }, () => bytesOf(2, size)),
    );
    assert.equal(await second.stat({ digest }), undefined);
    assert.ok((await collect(first.read({ digest }))).equals(bytes));
  },

  'needs no bytes for what a namespace holds that is labelled shareable': async (store) => {
    const { second } = await twoNamespaces(store, { [SHAREABLE]: 'true' });
    const ingest = await second.openIngest('shared', { expect: digest });
    assert.equal(ingest.status.offset, size);
    assert.deepEqual(await ingest.commit(), { digest, size, existed: true });
    const third = store.namespace('third').content;
    const source = counted();
    assert.deepEqual(await third.put({ digest, size }, source.open), { digest, size, existed: true });
    assert.equal(source.opened, 0);
  },

  'counts the label of who holds the content, with the value true, for as long as it is there': async (
    store,
  ) => {
    const { second } = await twoNamespaces(store, { [SHAREABLE]: 'false' });
    await store.namespaces.create('unrelated', { labels: { [SHAREABLE]: 'true' } });
    const offset = async () => {
      const ingest = await second.openIngest('label', { expect: digest });
      await ingest.close();
      return ingest.status.offset;
    };
    const offsetLater = async () => (await second.ingest('label'))?.offset;
    assert.equal(await offset(), 0);
    await store.namespaces.setLabels('default', { [SHAREABLE]: 'true' });
    assert.equal(await offset(), size);
    await store.namespaces.setLabels('default', { [SHAREABLE]: null });
    assert.equal(await offsetLater(), 0);
    assert.equal(await offset(), 0);
  },
};

/**
 * What a store must do that is opened with isolated namespaces (spec 4.8, rows 15 and 16), beside all that any other has
 * to do. `factory` opens it so.
 */
export function contentStoreIsolationSuite(
  frame: TestFrame,
  factory: StoreFactory,
  options?: SuiteOptions,
): void {
  declareSuite(frame, 'isolated namespaces', isolationTests, factory, options);
}
