import { setMaxListeners } from 'node:events';

/** A controller of its own that also aborts when its parent does, with the parent's reason. */
export interface LinkedAbort {
  readonly signal: AbortSignal;
  abort(reason: unknown): void;
  /** Lets go of the parent; to be called when the work is over, since a parent may live much longer. */
  unlink(): void;
}

export function linkedAbort(parent: AbortSignal | undefined): LinkedAbort {
  const controller = new AbortController();
  // As many as work at once may listen.
  setMaxListeners(0, controller.signal);
  const follow = () => controller.abort(parent?.reason);
  if (parent?.aborted) follow();
  else parent?.addEventListener('abort', follow, { once: true });
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    unlink: () => parent?.removeEventListener('abort', follow),
  };
}

/**
 * Passes on what `source` yields and rejects with `signal.reason` as soon as the signal aborts, even while the source
 * is waiting for something that never comes. The source is closed when iteration ends; one that is stuck is told to
 * close without being waited for.
 */
export async function* abortable<T>(
  source: Iterable<T> | AsyncIterable<T>,
  signal: AbortSignal | undefined,
): AsyncGenerator<T, void, undefined> {
  if (signal === undefined) {
    yield* source;
    return;
  }
  signal.throwIfAborted();
  const iterator: AsyncIterator<T> | Iterator<T> =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  let interrupt: ((reason: unknown) => void) | undefined;
  const listener = () => interrupt?.(signal.reason);
  signal.addEventListener('abort', listener);
  let state: 'open' | 'waiting' | 'ended' = 'open';
  try {
    for (;;) {
      // It may have aborted while the receiver was busy, with nobody waiting here to be told.
      signal.throwIfAborted();
      state = 'waiting';
      // One promise a step: a race against one long-lived promise would keep every step alive.
      const result = await new Promise<IteratorResult<T>>((resolve, reject) => {
        interrupt = reject;
        Promise.resolve(iterator.next()).then(resolve, (error: unknown) => {
          state = 'ended';
          reject(error);
        });
      });
      state = result.done ? 'ended' : 'open';
      signal.throwIfAborted();
      if (result.done) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener('abort', listener);
    await close(iterator, state);
  }
}

async function close(
  iterator: AsyncIterator<unknown> | Iterator<unknown>,
  state: 'open' | 'waiting' | 'ended',
): Promise<void> {
  if (state === 'ended' || iterator.return === undefined) return;
  const closing = Promise.resolve(iterator.return());
  if (state === 'waiting') closing.catch(() => {});
  else await closing;
}
