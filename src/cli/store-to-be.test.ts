import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/index.js';
import type { Store } from '../images/store.js';
import {
  collectorSuite,
  contentStoreIngestSuite,
  contentStoreSuite,
  imageStoreSuite,
  leaseSuite,
  namespaceSuite,
} from '../testing/index.js';
import { failureOf, listOf, rejectsWith } from '../testing/content.js';
import { storeToBe } from './store-to-be.js';

describe('a store that is to be', () => {
  const factory = async () => storeToBe('default', async () => openMemoryStore());
  contentStoreSuite({ describe, it }, factory);
  contentStoreIngestSuite({ describe, it }, factory);
  imageStoreSuite({ describe, it }, factory);
  leaseSuite({ describe, it }, factory);
  collectorSuite({ describe, it }, factory);
  namespaceSuite({ describe, it }, factory);

  /** One that counts how often it is made. */
  function counted() {
    const made: Store[] = [];
    const store = storeToBe('team', async () => {
      made.push(openMemoryStore({ namespace: 'team' }));
      return made[0]!;
    });
    return { store, made };
  }
  const bytes = Buffer.from('some');

  it('is made once, by the first that is written, with the leases of those who write', async () => {
    const { store, made } = counted();
    const lease = await store.leases.create({ ttl: Infinity });
    const over = await store.leases.create();
    await over.release();
    expect(made).toEqual([]);
    const view = store.under(lease);
    await Promise.all([1, 2].map((n) => view.content.put(undefined, () => Buffer.from(`${n}`))));
    expect(made).toHaveLength(1);
    expect(await listOf(made[0]!.leases.list())).toMatchObject([{ id: lease.id, expiresAt: undefined }]);
    expect(await listOf(made[0]!.leases.resources(lease.id))).toHaveLength(2);
    await lease.release();
    expect(await listOf(made[0]!.leases.list())).toEqual([]);
  });

  it('is not made by what an empty store refuses, nor by what only looks', async () => {
    const { store, made } = counted();
    await rejectsWith('INVALID', store.namespaces.create('bad!'));
    await rejectsWith('INVALID', store.leases.create({ id: '', lasting: true }));
    await rejectsWith('INVALID', store.content.openIngest(''));
    await rejectsWith('NOT_FOUND', store.under({ id: 'nobody' }).content.openIngest('some'));
    await rejectsWith('NOT_FOUND', store.namespaces.setLabels('other', {}));
    expect(await store.images.get('some')).toBeUndefined();
    expect(await store.content.abortIngest('some')).toBe(false);
    expect(await listOf(store.content.ingests())).toEqual([]);
    await store.close();
    expect(made).toEqual([]);
  });

  it('is not made any more when it is closed', async () => {
    const { store, made } = counted();
    await store.close();
    await store.content.put(undefined, () => bytes).catch(() => {});
    await store.close();
    expect(made).toEqual([]);
  });

  it('says when it is closed, too, that it could not be made', async () => {
    const reason = new Error('no room');
    const store = storeToBe('default', () => Promise.reject(reason));
    expect(await failureOf(store.content.put(undefined, () => bytes))).toBe(reason);
    expect(await failureOf(store.close())).toBe(reason);
  });
});
