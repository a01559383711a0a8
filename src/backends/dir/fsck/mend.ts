/** What repair does, inside transactions: to files first, then to records, so that an end in the middle loses nothing. */
import { basename, dirname, join, relative } from 'node:path';
import type { Digest } from '../../../oci/digest.js';
import type { Transaction } from '../database/connection.js';
import type { Place } from '../place.js';

/**
 * Moves a file or folder of the root to where it is in nobody's way and still there; answers what it did. Durable when
 * it returns.
 */
export function quarantine({ files: { sync }, paths }: Place, path: string): string {
  if (sync.makeFolder(paths.quarantine)) sync.syncFolder(paths.root);
  const folder = dirname(path);
  const name = relative(paths.root, folder) === join('blobs', basename(folder)) ? `${basename(folder)}-` : '';
  const target = freeName(join(paths.quarantine, `${name}${basename(path)}`), (candidate) => {
    return sync.lstat(candidate) === undefined;
  });
  sync.rename(path, target);
  sync.syncFolder(paths.quarantine);
  sync.syncFolder(folder);
  return `moved it to ${JSON.stringify(target)}`;
}

function freeName(path: string, isFree: (path: string) => boolean): string {
  let candidate = path;
  for (let number = 2; !isFree(candidate); number++) candidate = `${path}.${number}`;
  return candidate;
}

/** Takes a blob off all records, so that whoever wants it stores it anew. */
export function forgetBlob(transaction: Transaction, digest: Digest): void {
  transaction.run('DELETE FROM content WHERE digest = ?', digest);
  transaction.run("DELETE FROM lease_resources WHERE type = 'content' AND id = ?", digest);
  transaction.run('DELETE FROM blobs WHERE digest = ?', digest);
}
