import { describe, expect, it, vi } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import { failureOf, listOf, rejectsWith } from '../testing/content.js';
import type { Store } from './store.js';
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

  it('goes on under its lease when the clock jumps by a year, and by one back', async () => {
    const store = openMemoryStore();
    vi.useFakeTimers({ toFake: ['Date'] });
    try {
      await underLease(store, async (view) => {
        for (const years of [1, -1]) {
          vi.setSystemTime(Date.now() + years * 365 * 24 * 3600 * 1000);
          const { digest } = await view.content.put(undefined, () => Buffer.from(`${years}`));
          expect(await view.content.claim([{ digest }])).toEqual(new Set([digest]));
        }
      });
    } finally {
      vi.useRealTimers();
    }
  });

  it('ends the lease and throws what the work throws', async () => {
    const store = openMemoryStore();
    const reason = new Error('broken');
    expect(await failureOf(underLease(store, () => Promise.reject(reason)))).toBe(reason);
    expect(await listOf(store.leases.list())).toEqual([]);
  });

  for (const [what, remove] of [
    ['its namespace', (store: Store) => store.namespaces.delete('default')],
    [
      'the lease',
      async (store: Store) => {
        for await (const { id } of store.leases.list()) await store.leases.delete(id);
      },
    ],
  ] as const) {
    it(`says what to do where somebody removed ${what} meanwhile`, async () => {
      const store = openMemoryStore();
      const work = underLease(store, async (view) => {
        await remove(store);
        await view.content.put(undefined, () => Buffer.from('x'));
      });
      const error = await rejectsWith('CONFLICT', work);
      expect(error.message).toBe(
        'Cannot go on in namespace "default": the lease of this work was removed meanwhile',
      );
      expect(error.hint).toMatch(/^somebody removed the namespace, or the lease alone; do the same again$/);
    });
  }

  it('leaves what the work says of another lease as it is', async () => {
    const store = openMemoryStore();
    const work = underLease(store, ({ leases }) => leases.addResource('other', { type: 'images', id: 'x' }));
    expect((await rejectsWith('NOT_FOUND', work)).message).toBe('lease "other": not found');
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

  it('keeps to the lease of the view it is given', async () => {
    const store = openMemoryStore();
    const lease = await store.leases.create({ id: 'mine' });
    const { digest } = await underLease(store.under(lease), (view) =>
      view.content.put(undefined, () => Buffer.from('x')),
    );
    expect(await listOf(store.leases.list())).toMatchObject([{ id: 'mine' }]);
    expect(await listOf(store.leases.resources('mine'))).toEqual([{ type: 'content', id: digest }]);
  });
});
