/** What repair does, inside transactions: to files first, then to records, so that an end in the middle loses nothing. */
import { basename, dirname, join, relative } from 'node:path';
import type { Digest } from '../../../oci/digest.js';
import type { Transaction } from '../database/connection.js';
import type { Place } from '../place.js';

/**
 * Moves a file or folder of the root to where it is in nobody's way and still there; answers what it did. Durable when
 * it returns.
 */
export function quarantine(place: Pick<Place, 'files' | 'paths'>, path: string): string {
  return `moved it to ${quarantineTogether(place, [path]) ?? 'nowhere, it is gone'}`;
}

/** The same for files that belong together, as many as are there; answers where the first of them is now, quoted. */
export function quarantineTogether(
  { files: { sync }, paths }: Pick<Place, 'files' | 'paths'>,
  all: readonly string[],
): string | undefined {
  const there = all.filter((path) => sync.lstat(path) !== undefined);
  if (there.length === 0) return undefined;
  if (sync.makeFolder(paths.quarantine)) sync.syncFolder(paths.root);
  const isFree = (prefix: string) =>
    there.every(
      (path) => sync.lstat(join(paths.quarantine, prefix + nameOf(paths.root, path))) === undefined,
    );
  let prefix = '';
  for (let number = 2; !isFree(prefix); number++) prefix = `${number}-`;
  const targets = there.map((path) => join(paths.quarantine, prefix + nameOf(paths.root, path)));
  there.forEach((path, place) => sync.rename(path, targets[place] ?? ''));
  sync.syncFolder(paths.quarantine);
  for (const folder of new Set(there.map(dirname))) sync.syncFolder(folder);
  return JSON.stringify(targets[0]);
}

/** A blob is named with its algorithm. */
function nameOf(root: string, path: string): string {
  const folder = basename(dirname(path));
  return relative(root, dirname(path)) === join('blobs', folder)
    ? `${folder}-${basename(path)}`
    : basename(path);
}

/** Takes a blob off all records, so that whoever wants it stores it anew. */
export function forgetBlob(transaction: Transaction, digest: Digest): void {
  transaction.run('DELETE FROM content WHERE digest = ?', digest);
  transaction.run("DELETE FROM lease_resources WHERE type = 'content' AND id = ?", digest);
  transaction.run('DELETE FROM blobs WHERE digest = ?', digest);
}
