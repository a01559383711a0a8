import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after so many milliseconds; rejects with the reason of the signal as soon as that aborts. */
export async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    // What it rejects with by itself has the reason only as its cause.
    signal?.throwIfAborted();
    throw error;
  }
}
