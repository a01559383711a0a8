import { describe, expect, it } from 'vitest';
import { failureOf, listOf } from '../testing/content.js';
import { abortable, linkedAbort } from './signals.js';

describe('abortable', () => {
  it('passes on everything when nothing aborts', async () => {
    const { signal } = new AbortController();
    expect(await listOf(abortable([1, 2, 3], signal))).toEqual([1, 2, 3]);
    expect(await listOf(abortable([1, 2, 3], undefined))).toEqual([1, 2, 3]);
  });

  it('passes an error of the source on unchanged and does not close it again', async () => {
    const reason = new Error('broken');
    let closed = 0;
    const source = {
      [Symbol.asyncIterator]: () => ({
        next: () => Promise.reject(reason),
        return: () => {
          closed++;
          return Promise.resolve({ done: true as const, value: undefined });
        },
      }),
    };
    expect(await failureOf(listOf(abortable(source, new AbortController().signal)))).toBe(reason);
    expect(closed).toBe(0);
  });

  it('closes the source and waits for it when iteration is left early', async () => {
    let closed = false;
    async function* source() {
      try {
        yield 1;
        yield 2;
      } finally {
        await new Promise((resolve) => setImmediate(resolve));
        closed = true;
      }
    }
    for await (const _ of abortable(source(), new AbortController().signal)) break;
    expect(closed).toBe(true);
  });

  it('does not wait for a source that is stuck', async () => {
    const controller = new AbortController();
    async function* stuck() {
      yield 1;
      await new Promise(() => {});
    }
    const seen: number[] = [];
    const failure = failureOf(
      (async () => {
        for await (const item of abortable(stuck(), controller.signal)) {
          seen.push(item);
          setImmediate(() => controller.abort('enough'));
        }
      })(),
    );
    expect(await failure).toBe('enough');
    expect(seen).toEqual([1]);
  });
});

describe('linkedAbort', () => {
  it('follows its parent with the same reason, until it is unlinked', () => {
    const parent = new AbortController();
    const follower = linkedAbort(parent.signal);
    const stranger = linkedAbort(parent.signal);
    stranger.unlink();
    parent.abort('reason');
    expect(follower.signal.reason).toBe('reason');
    expect(stranger.signal.aborted).toBe(false);
    expect(linkedAbort(parent.signal).signal.reason).toBe('reason');
  });

  it('aborts without its parent', () => {
    const parent = new AbortController();
    const child = linkedAbort(parent.signal);
    child.abort('mine');
    expect(child.signal.reason).toBe('mine');
    expect(parent.signal.aborted).toBe(false);
  });

  it('does not wait for a source that is stuck when it was aborted between two steps', async () => {
    const controller = new AbortController();
    async function* stuck() {
      yield 1;
      await new Promise(() => {});
    }
    const work = async () => {
      for await (const _ of abortable(stuck(), controller.signal)) controller.abort('enough');
    };
    expect(await failureOf(work())).toBe('enough');
  });
});
