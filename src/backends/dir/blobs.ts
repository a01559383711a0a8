/**
 * The rows of blobs and their files, inside transactions. What is committed has a row and a file; whoever relies on a
 * row that may be about to go looks for its file first.
 */
import type { Labels, Target } from '../../content/store.js';
import { fromSystemError, isStowageError } from '../../errors.js';
import { SHAREABLE } from '../../images/namespaces.js';
import { parseDigest, algorithmOf, type Algorithm, type Digest } from '../../oci/digest.js';
import type { Queries, Transaction } from './database/connection.js';
import type { Row } from './database/library.js';
import type { Place } from './place.js';
import { releaseFromLeases, touchNamespace, type View } from './view.js';

export interface BlobRow {
  readonly digest: Digest;
  readonly size: number;
  readonly state: 'live' | 'dying';
}

/** Those of the targets that a namespace holds with the size they are said to have. */
export function find(queries: Queries, namespace: string, targets: readonly Target[]): readonly BlobRow[] {
  if (targets.length === 0) return [];
  const wanted = new Set(targets.map(({ digest }) => digest));
  const rows = queries.all(
    // CROSS JOIN keeps the order: left to itself, SQLite may go through all content of the namespace.
    `SELECT b.digest, b.size, b.state FROM json_each(?) AS wanted
       CROSS JOIN content c ON c.namespace = ? AND c.digest = wanted.value
       CROSS JOIN blobs b ON b.digest = c.digest`,
    JSON.stringify([...wanted]),
    namespace,
  );
  const byDigest = new Map(rows.map(rowOf).map((row) => [row.digest, row]));
  const found = new Map<Digest, BlobRow>();
  for (const { digest, size } of targets) {
    const row = byDigest.get(digest);
    if (row !== undefined && (size === undefined || size === row.size)) found.set(digest, row);
  }
  return [...found.values()];
}

/** The row of a blob, whichever namespace holds it, unless its size is not the one that is wanted. */
export function stored(queries: Queries, { digest, size }: Target): BlobRow | undefined {
  const row = queries.get('SELECT digest, size, state FROM blobs WHERE digest = ?', digest);
  if (row === undefined || (size !== undefined && size !== Number(row['size']))) return undefined;
  return rowOf(row);
}

/** The same for one that the view may have without its bytes: its own, or another's where that is shared. */
export function available(queries: Queries, view: View, target: Target): BlobRow | undefined {
  const row = stored(queries, target);
  if (row === undefined || view.sharing === 'shared') return row;
  const holder = queries.get(
    `SELECT 1 FROM content c LEFT JOIN namespaces n ON n.name = c.namespace WHERE c.digest = ?
       AND (c.namespace = ? OR json_extract(n.labels, ?) = 'true') LIMIT 1`,
    target.digest,
    view.namespace,
    `$."${SHAREABLE}"`,
  );
  return holder && row;
}

/** Whether the file of a blob is there with its recorded size. */
export async function isThere({ files, paths }: Place, { digest, size }: BlobRow): Promise<boolean> {
  try {
    return (await files.stat(paths.blob(digest)))?.size === size;
  } catch (error) {
    throw unreachable(error, digest);
  }
}

/** Makes sure that a blob stays: false if its file is not there any more with its recorded size. */
export function revive(place: Place, transaction: Transaction, { digest, size, state }: BlobRow): boolean {
  try {
    const file = place.files.sync.stat(place.paths.blob(digest));
    if (file?.size !== size) return false;
  } catch (error) {
    throw unreachable(error, digest);
  }
  if (state === 'dying') transaction.run(`UPDATE blobs SET state = 'live' WHERE digest = ?`, digest);
  return true;
}

function unreachable(error: unknown, digest: Digest): unknown {
  return fromSystemError(error, `Cannot look for blob ${JSON.stringify(digest)}`);
}

/** Records that a namespace holds a blob. */
export function record(transaction: Transaction, view: View, digest: Digest, labels: Labels): void {
  const now = Date.now();
  touchNamespace(view, transaction);
  transaction.run(
    'INSERT INTO content (namespace, digest, labels, created, updated) VALUES (?, ?, ?, ?, ?)',
    view.namespace,
    digest,
    JSON.stringify(labels),
    now,
    now,
  );
}

/**
 * Gives written and synced bytes their final name and row. The name is on the disk before the row is; a crash in
 * between leaves a file that nobody sees.
 */
export function commit(
  { files, paths }: Place,
  transaction: Transaction,
  data: string,
  { digest, size }: { readonly digest: Digest; readonly size: number },
): void {
  transaction.run(
    `INSERT INTO blobs (digest, size, created) VALUES (?, ?, ?)
       ON CONFLICT (digest) DO UPDATE SET size = excluded.size, state = 'live'`,
    digest,
    size,
    Date.now(),
  );
  files.sync.rename(data, paths.blob(digest));
  const folder = paths.blobFolder(algorithmOf(digest));
  transaction.beforeCommit(`sync ${folder}`, () => files.sync.syncFolder(folder));
}

/**
 * Creates the folder for blobs of an algorithm, which has to be durable before anything in it is. One that is there
 * already is synced once: whoever made it may have been killed before that, or be about to.
 */
export async function prepareFolder(place: Place, algorithm: Algorithm): Promise<void> {
  const { files, paths, durableFolders } = place;
  const folder = paths.blobFolder(algorithm);
  // To look is much faster than to fail, and most often it is there.
  const created = (await files.stat(folder)) === undefined && (await files.makeFolder(folder));
  if (!created && durableFolders.has(algorithm)) return;
  files.sync.syncFolder(paths.blobs);
  durableFolders.add(algorithm);
}

/** Takes a blob from a namespace and its leases; false if it did not hold it. */
export function forget(transaction: Transaction, namespace: string, digest: Digest): boolean {
  const changed = transaction.run(
    'DELETE FROM content WHERE namespace = ? AND digest = ?',
    namespace,
    digest,
  );
  if (changed === 0) return false;
  releaseFromLeases(transaction, namespace, 'content', digest);
  transaction.run(
    `UPDATE blobs SET state = 'dying'
       WHERE digest = ? AND NOT EXISTS (SELECT 1 FROM content c WHERE c.digest = blobs.digest)`,
    digest,
  );
  return true;
}

/**
 * Removes the bytes of a blob that is dying and that nobody has revived since; else does nothing. Where the lock
 * cannot be had the blob goes on dying, for a later collection.
 */
export async function sweep({ connection, files, paths }: Place, digest: Digest): Promise<void> {
  try {
    await connection.transaction((transaction) => {
      const gone = transaction.run(
        `DELETE FROM blobs WHERE digest = ? AND state = 'dying'
           AND NOT EXISTS (SELECT 1 FROM content c WHERE c.digest = blobs.digest)`,
        digest,
      );
      if (gone > 0) files.sync.unlink(paths.blob(digest));
    });
  } catch (error) {
    if (isStowageError(error, 'BUSY')) return;
    throw fromSystemError(error, `Cannot remove the bytes of blob ${JSON.stringify(digest)}`);
  }
}

function rowOf(row: Row): BlobRow {
  return {
    digest: parseDigest(String(row['digest'])),
    size: Number(row['size']),
    state: row['state'] === 'dying' ? 'dying' : 'live',
  };
}
