import { findImage } from '../images/lookup.js';
import type { Store } from '../images/store.js';

/**
 * The stored names of images that a user named, in order and each once.
 * @throws {StowageError} NOT_FOUND for the first that is not there.
 */
export async function findImages(
  store: Store,
  names: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const found = new Set<string>();
  for (const name of names) found.add((await findImage(store.images, name, { signal })).name);
  return [...found];
}
