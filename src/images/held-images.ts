import { StowageError } from '../errors.js';
import type { CallOptions } from '../content/store.js';
import { findImage } from './lookup.js';
import type { ImageRecord, ImageStore, Store } from './store.js';

/** How often images are looked up again because somebody else changed one of the names in between. */
export const ATTEMPTS = 20;

/**
 * The images of these names, each once, as {@link findImage} finds them, with their content held by the lease of the
 * view: should somebody take their names away and collect, all of what was there stays for as long as the lease.
 * Without a lease they are what their names say, and stay for as long as others let them.
 *
 * @param attempt what the caller wants to do, for the message
 * @throws {StowageError} NOT_FOUND if there is no such image (any more); BUSY if others are always faster.
 */
export async function heldImages(
  { content, images }: Pick<Store, 'content' | 'images'>,
  names: readonly string[],
  attempt: string,
  { signal }: CallOptions = {},
): Promise<readonly ImageRecord[]> {
  for (let count = 0; count < ATTEMPTS; count++) {
    const found = new Map<string, ImageRecord>();
    for (const name of names) {
      const record = await findImage(images, name, { signal });
      found.set(record.name, record);
    }
    const records = [...found.values()];
    const targets = records.map(({ target: { digest } }) => ({ digest }));
    await content.claim(targets, { signal });
    // Only a name tells that all below is there: a lease that is flat, say, may keep the target without the rest. From
    // the claim on this lease keeps both; and content that was never there cannot be lost.
    if (await areNamed(images, records, signal)) return records;
  }
  throw namesKeepChanging(attempt, names);
}

/** The error for work that others were always faster than. */
export function namesKeepChanging(attempt: string, names: readonly string[]): StowageError {
  return new StowageError('BUSY', `Cannot ${attempt}: others keep changing the names`, {
    detail: { names },
    hint: 'try again',
  });
}

async function areNamed(
  images: ImageStore,
  records: readonly ImageRecord[],
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (const { name, target } of records) {
    const now = await images.get(name, { signal });
    if (now?.target.digest !== target.digest) return false;
  }
  return true;
}
