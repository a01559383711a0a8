import type { Bytes } from './byte-source.js';

/**
 * The same chunks, taken from `source` while the receiver still works on earlier ones: as long as less than `limit`
 * bytes wait, the next is asked for. So what a source does for a chunk (reading, hashing) overlaps with what the
 * receiver does. Chunks keep their order; a failure comes after the chunks before it. The source is closed when
 * iteration ends, once what it was asked for last has come.
 */
export async function* readAhead(source: Bytes, limit: number): Bytes {
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  let ended = false;
  let left = false;
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const nudge = () => {
    wake?.();
    wake = undefined;
  };
  const change = () => new Promise<void>((resolve) => (wake = resolve));

  // Of the two sides only one ever waits: this one for room, the other one for a chunk.
  const fill = async () => {
    try {
      for await (const chunk of source) {
        waiting.push(chunk);
        waitingBytes += chunk.byteLength;
        nudge();
        while (waitingBytes >= limit && !left) await change();
        if (left) return;
      }
    } catch (error) {
      failure = { error };
    } finally {
      ended = true;
      nudge();
    }
  };
  const filling = fill();
  try {
    for (;;) {
      const chunk = waiting.shift();
      if (chunk !== undefined) {
        waitingBytes -= chunk.byteLength;
        nudge();
        yield chunk;
      } else if (ended) {
        break;
      } else {
        await change();
      }
    }
    if (failure !== undefined) throw failure.error;
  } finally {
    left = true;
    nudge();
    await filling;
  }
}
