import { abortable, linkedAbort } from './signals.js';

export interface PoolOptions {
  /** How many items are worked on at once, at least 1. */
  readonly concurrency: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Works on every item, several at a time. Items are taken from the source only when there is room for them. The first
 * failure aborts the signal its siblings were given and closes the source; when all have settled, it is thrown,
 * whatever else failed because of it. So nothing runs any more when the call ends.
 *
 * @throws `signal.reason` if the signal aborts; else whatever `work` or the source threw first.
 */
export async function pool<T>(
  items: Iterable<T> | AsyncIterable<T>,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  options: PoolOptions,
): Promise<void> {
  const linked = linkedAbort(options.signal);
  const running = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    if (failure !== undefined) return;
    failure = { error: options.signal?.aborted ? options.signal.reason : error };
    linked.abort(failure.error);
  };
  try {
    for await (const item of abortable(items, linked.signal)) {
      const job: Promise<void> = Promise.resolve()
        .then(() => work(item, linked.signal))
        .catch(fail)
        .finally(() => running.delete(job));
      running.add(job);
      if (running.size >= options.concurrency) await Promise.race(running);
    }
  } catch (error) {
    fail(error);
  }
  await Promise.all(running);
  linked.unlink();
  if (failure !== undefined) throw failure.error;
  options.signal?.throwIfAborted();
}
