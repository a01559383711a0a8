import type { CallOptions } from '../content/store.js';
import { lookupCandidates } from '../oci/image-name.js';
import { imageNotFound } from './change.js';
import type { ImageRecord, ImageStore } from './store.js';

/** Names that are looked through for close ones before the search for a hint is given up. */
const HINT_SEARCH_LIMIT = 10_000;

const HINTS = 3;

/**
 * The record a user means by `name`: the one of exactly that name, else with `:latest`, else as Docker completes it.
 *
 * @throws {StowageError} NOT_FOUND if there is none, with a hint that lists close names.
 */
export async function findImage(
  images: ImageStore,
  name: string,
  options: CallOptions = {},
): Promise<ImageRecord> {
  for (const candidate of lookupCandidates(name)) {
    const record = await images.get(candidate, options);
    if (record !== undefined) return record;
  }
  const close = await closeNames(images, name, options);
  const hint = close.length === 0 ? undefined : `did you mean ${close.join(', ')}?`;
  throw imageNotFound(name, hint);
}

/** Names that share their last part, or nearly, with `name`; the closest first. */
async function closeNames(images: ImageStore, name: string, options: CallOptions): Promise<string[]> {
  const wanted = lastPart(name);
  const found: { readonly name: string; readonly distance: number }[] = [];
  let looked = 0;
  for await (const record of images.list(options)) {
    if (++looked > HINT_SEARCH_LIMIT) break;
    const distance = editDistance(wanted, lastPart(record.name));
    if (distance <= Math.max(1, Math.floor(wanted.length / 3))) found.push({ name: record.name, distance });
  }
  found.sort((a, b) => a.distance - b.distance);
  return found.slice(0, HINTS).map((each) => each.name);
}

/** `busybox` of `docker.io/library/busybox:latest`, cut to what is worth comparing. */
function lastPart(name: string): string {
  const [path = ''] = name.split('@');
  const last = path.slice(path.lastIndexOf('/') + 1);
  return (last.split(':')[0] ?? '').slice(0, 100);
}

/** Characters to insert, delete or replace on the way from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
