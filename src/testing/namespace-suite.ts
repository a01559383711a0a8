import assert from 'node:assert/strict';
import type { Store } from '../images/store.js';
import { bytesOf, collect, failureOf, listOf, rejectsWith, targetOf } from './content.js';
import {
  declareSuite,
  type StoreFactory,
  type SuiteOptions,
  type SuiteTests,
  type TestFrame,
} from './frame.js';

/** What every store must do with namespaces (spec 5.5, and the contract in `images/namespaces.ts`). */
export function namespaceSuite(frame: TestFrame, factory: StoreFactory, options?: SuiteOptions): void {
  declareSuite(frame, 'namespaces', tests, factory, options);
}

const bytes = bytesOf(7, 5_000);
const target = { ...targetOf(bytes), mediaType: 'application/vnd.oci.image.manifest.v1+json' };
const put = (store: Store) => store.content.put(target, () => bytes);
const namesOf = async ({ namespaces }: Store) => (await listOf(namespaces.list())).map(({ name }) => name);

const tests: SuiteTests = {
  'has none at first, and looking into one does not make it': async (store) => {
    const elsewhere = store.namespace('elsewhere');
    assert.deepEqual(await listOf(elsewhere.images.list()), []);
    assert.equal(await elsewhere.content.stat(target), undefined);
    assert.deepEqual(await namesOf(store), []);
    assert.equal(await store.namespaces.get('elsewhere'), undefined);
  },

  'creates one with labels, and every view shows it': async (store) => {
    const created = await store.namespaces.create('team-a', { labels: { b: '2', a: '1', none: '' } });
    assert.deepEqual(created, { name: 'team-a', labels: { a: '1', b: '2' } });
    assert.deepEqual(await store.namespaces.get('team-a'), created);
    assert.deepEqual(await listOf(store.namespace('other').namespaces.list()), [created]);
  },

  'lists them ascending by name, bytewise': async (store) => {
    for (const name of ['b', 'a', 'a.b', 'B', 'a1']) await store.namespaces.create(name);
    assert.deepEqual(await namesOf(store), ['B', 'a', 'a.b', 'a1', 'b']);
  },

  'refuses a name that is taken, or none, or a label too long': async (store) => {
    await store.namespaces.create('taken', { labels: { a: '1' } });
    const error = await rejectsWith('ALREADY_EXISTS', store.namespaces.create('taken'));
    assert.equal(error.message, 'namespace "taken": already exists');
    for (const name of ['', '..', 'a/b', 'a b', '-a', 'a_', 'x'.repeat(77)]) {
      await rejectsWith('INVALID', store.namespaces.create(name));
    }
    await rejectsWith('INVALID', store.namespaces.create('b', { labels: { a: 'v'.repeat(4096) } }));
    assert.deepEqual(await listOf(store.namespaces.list()), [{ name: 'taken', labels: { a: '1' } }]);
  },

  'comes into being with the first image, blob or lease, and stays when that goes': async (store) => {
    await store.namespace('by-image').images.apply([{ op: 'create', name: 'x', target }]);
    await put(store.namespace('by-blob'));
    await store.namespace('by-lease').leases.create();
    assert.deepEqual(await namesOf(store), ['by-blob', 'by-image', 'by-lease']);
    await store.namespace('by-image').images.apply([{ op: 'delete', name: 'x' }]);
    await store.namespace('by-blob').content.delete(target.digest);
    assert.deepEqual(await namesOf(store), ['by-blob', 'by-image', 'by-lease']);
    await rejectsWith('ALREADY_EXISTS', store.namespaces.create('by-image'));
  },

  'changes the labels that are named and no others': async (store) => {
    await store.namespaces.create('n', { labels: { a: '1', b: '1', c: '1' } });
    const changed = await store.namespaces.setLabels('n', { a: '2', b: null, c: '', d: '4' });
    assert.deepEqual(changed, { name: 'n', labels: { a: '2', d: '4' } });
    assert.deepEqual(await store.namespaces.get('n'), changed);
    await rejectsWith('INVALID', store.namespaces.setLabels('n', { a: 'v'.repeat(4096) }));
    await put(store.namespace('n'));
    assert.deepEqual(await store.namespaces.get('n'), changed);
  },

  'labels and deletes only what is there': async (store) => {
    await rejectsWith('NOT_FOUND', store.namespaces.setLabels('none', { a: '1' }));
    assert.equal(await store.namespaces.delete('none'), false);
    assert.deepEqual(await namesOf(store), []);
  },

  'keeps names, labels and leases of one invisible in another': async (store) => {
    const [one, two] = [store.namespace('one'), store.namespace('two')];
    await put(one);
    await one.content.setLabels(target.digest, { a: 'one' });
    await one.images.apply([{ op: 'create', name: 'x', target, labels: { a: 'one' } }]);
    const lease = await one.leases.create({ id: 'l' });
    assert.deepEqual(await listOf(two.images.list()), []);
    assert.deepEqual(await listOf(two.content.list()), []);
    assert.deepEqual(await listOf(two.leases.list()), []);
    assert.equal(await two.images.get('x'), undefined);
    assert.equal(await two.content.info(target.digest), undefined);
    assert.equal((await two.content.claim([target])).size, 0);
    await rejectsWith('NOT_FOUND', collect(two.content.read(target)));
    await rejectsWith('NOT_FOUND', two.content.setLabels(target.digest, { a: 'two' }));
    await rejectsWith('NOT_FOUND', two.images.apply([{ op: 'delete', name: 'x' }]));
    assert.equal(await two.content.delete(target.digest), false);
    assert.equal(await two.leases.delete('l'), false);
    await rejectsWith('NOT_FOUND', put(two.under(lease)));
    assert.deepEqual((await one.content.info(target.digest))?.labels, { a: 'one' });
  },

  'shares bytes, and what one forgets the other keeps': async (store) => {
    const [one, two] = [store.namespace('one'), store.namespace('two')];
    await put(one);
    const again = await two.content.put(target, () => {
      throw new Error('no byte is needed');
    });
    assert.equal(again.digest, target.digest);
    assert.deepEqual((await two.content.info(target.digest))?.labels, {});
    assert.equal(await one.content.delete(target.digest), true);
    assert.deepEqual(await collect(two.content.read(target)), Buffer.from(bytes));
  },

  'is removed only when it has no images and no blobs': async (store) => {
    const full = store.namespace('full');
    await put(full);
    await full.images.apply([{ op: 'create', name: 'x', target }]);
    const remove = () => store.namespaces.delete('full');
    const both = await rejectsWith('CONFLICT', remove());
    assert.equal(both.message, 'namespace "full" must be empty, but it still has images, blobs');
    await full.images.apply([{ op: 'delete', name: 'x' }]);
    const blobs = await rejectsWith('CONFLICT', remove());
    assert.equal(blobs.message, 'namespace "full" must be empty, but it still has blobs');
    await full.content.delete(target.digest);
    assert.equal(await remove(), true);
    assert.equal(await remove(), false);
    assert.deepEqual(await namesOf(store), []);
  },

  'takes its leases along, and comes back empty when it is written into again': async (store) => {
    await store.namespaces.create('n', { labels: { a: '1' } });
    const view = store.namespace('n');
    const lease = await view.leases.create({ id: 'l' });
    const other = await store.leases.create({ id: 'l' });
    assert.equal(await store.namespaces.delete('n'), true);
    assert.deepEqual(await listOf(view.leases.list()), []);
    await rejectsWith('NOT_FOUND', put(view.under(lease)));
    await lease.release();
    await put(store.under(other));
    await put(view);
    assert.deepEqual(await store.namespaces.get('n'), { name: 'n', labels: {} });
  },

  'throws ingests away with it that nobody has open, and only its own': async (store) => {
    const view = store.namespace('n');
    await store.namespaces.create('n');
    const begin = async ({ content }: Store, ref: string) => {
      const ingest = await content.openIngest(ref);
      await ingest.write(bytes);
      return ingest;
    };
    for (const each of [view, store]) await (await begin(each, 'closed')).close();
    const open = await begin(view, 'open');
    assert.equal(await store.namespaces.delete('n'), true);
    const refsOf = async ({ content }: Store) => (await listOf(content.ingests())).map(({ ref }) => ref);
    assert.deepEqual(await refsOf(view), ['open']);
    assert.deepEqual(await refsOf(store), ['closed']);
    assert.equal((await open.commit()).digest, target.digest);
    assert.deepEqual(await namesOf(store), ['n']);
  },

  'rejects with the reason when it is aborted already': async ({ namespaces }) => {
    const reason = new Error('stop');
    const signal = AbortSignal.abort(reason);
    assert.equal(await failureOf(namespaces.create('a', { signal })), reason);
    assert.equal(await failureOf(namespaces.setLabels('a', {}, { signal })), reason);
    assert.equal(await failureOf(namespaces.delete('a', { signal })), reason);
    assert.equal(await failureOf(namespaces.get('a', { signal })), reason);
    assert.equal(await failureOf(listOf(namespaces.list({ signal }))), reason);
  },
};
