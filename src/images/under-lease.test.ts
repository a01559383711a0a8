import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import { failureOf, listOf } from '../testing/content.js';
import { underLease } from './under-lease.js';

describe('underLease', () => {
  it('holds a lease while the work goes on, and answers what the work answers', async () => {
    const store = openMemoryStore();
    const answer = await underLease(store, async (view) => {
      expect(await listOf(store.leases.list())).toHaveLength(1);
      await view.content.put(undefined, () => Buffer.from('x'));
      return 42;
    });
    expect(answer).toBe(42);
    expect(await listOf(store.leases.list())).toEqual([]);
  });

  it('ends the lease and throws what the work throws', async () => {
    const store = openMemoryStore();
    const reason = new Error('broken');
    expect(await failureOf(underLease(store, () => Promise.reject(reason)))).toBe(reason);
    expect(await listOf(store.leases.list())).toEqual([]);
  });

  it('does not take options of the work for those of the lease', async () => {
    const store = openMemoryStore();
    const options = { labels: { of: 'the image' }, id: 'x' };
    await underLease(
      store,
      async () => expect(await listOf(store.leases.list())).toMatchObject([{ labels: {} }]),
      options as object,
    );
  });
});
