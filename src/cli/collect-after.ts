import { isStowageError } from '../errors.js';
import type { Store } from '../images/store.js';
import type { Context } from './context.js';
import { countOf } from './count.js';
import { binarySize } from './units.js';

/**
 * Removes what a removal has left without use, and says what that freed; answers the bytes. What was removed is
 * removed: that a collection cannot be made now is a warning.
 */
export async function collectAfter(context: Context, store: Store): Promise<number> {
  const { output, signal } = context;
  const onFailure = (error: unknown) => context.report(error);
  try {
    const { removed, freedBytes } = await store.collector.collect({ signal, onFailure });
    if (removed.blob > 0) output.note(`freed ${binarySize(freedBytes)} (${countOf(removed.blob, 'blob')})`);
    return freedBytes;
  } catch (error) {
    if (!isStowageError(error, 'BUSY')) throw error;
    output.warn('Cannot collect garbage now, others keep the store busy; the next removal or gc does');
    return 0;
  }
}
