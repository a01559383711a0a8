import { describe, expect, it } from 'vitest';
import { failureOf } from '../testing/content.js';
import { pool } from './pool.js';

const tick = () => new Promise<void>((resolve) => setImmediate(resolve));
const until = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('pool', () => {
  it('works on every item, and on no more at once than allowed', async () => {
    const done: number[] = [];
    let running = 0;
    let most = 0;
    await pool(
      Array.from({ length: 20 }, (_, item) => item),
      async (item) => {
        most = Math.max(most, ++running);
        await tick();
        running--;
        done.push(item);
      },
      { concurrency: 3 },
    );
    expect(done.sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, item) => item));
    expect(most).toBe(3);
  });

  it('takes items only when there is room for them', async () => {
    let taken = 0;
    let finished = 0;
    async function* items() {
      for (let item = 0; item < 10; item++) {
        expect(taken - finished).toBeLessThanOrEqual(2);
        taken++;
        yield item;
      }
    }
    await pool(items(), async () => tick().then(() => void finished++), { concurrency: 2 });
    expect(finished).toBe(10);
  });

  it('throws the first failure after its siblings were aborted and have settled', async () => {
    const first = new Error('first');
    const settled: string[] = [];
    let closed = false;
    function* items() {
      try {
        yield* ['waits', 'fails', 'never', 'never'];
      } finally {
        closed = true;
      }
    }
    const work = async (item: string, signal: AbortSignal) => {
      try {
        if (item === 'fails') throw first;
        await until(signal);
      } finally {
        await tick();
        settled.push(item);
      }
    };
    expect(await failureOf(pool(items(), work, { concurrency: 2 }))).toBe(first);
    expect(settled.sort()).toEqual(['fails', 'waits']);
    expect(closed).toBe(true);
  });

  it('throws the failure of the source after the work that runs has settled', async () => {
    const reason = new Error('no more');
    let settled = false;
    async function* items() {
      yield 1;
      throw reason;
    }
    const work = (_: number, signal: AbortSignal) => until(signal).finally(() => (settled = true));
    expect(await failureOf(pool(items(), work, { concurrency: 2 }))).toBe(reason);
    expect(settled).toBe(true);
  });

  it('rejects with the reason of the signal, whatever the work throws because of it', async () => {
    const controller = new AbortController();
    const reason = { stop: true };
    const work = async (_: number, signal: AbortSignal) => {
      setImmediate(() => controller.abort(reason));
      await until(signal).catch(() => Promise.reject(new Error('a consequence')));
    };
    expect(await failureOf(pool([1, 2], work, { concurrency: 2, signal: controller.signal }))).toBe(reason);
    const started = async () => expect.unreachable();
    expect(await failureOf(pool([1], started, { concurrency: 1, signal: controller.signal }))).toBe(reason);
  });

  it('lets go of the signal it was given', async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
    await pool([1, 2, 3], async () => tick(), { concurrency: 2, signal });
    expect(listeners).toBe(0);
  });
});
