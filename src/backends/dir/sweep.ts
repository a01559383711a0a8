/** The removal of bytes that nobody holds, a little at a time, so that others get the write lock in between. */
import { performance } from 'node:perf_hooks';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromSystemError, StowageError } from '../../errors.js';
import type { Tally } from '../../images/tally.js';
import { isAlgorithm, isDigest, type Digest } from '../../oci/digest.js';
import type { Transaction, TransactionOptions } from './database/connection.js';
import type { Place } from './place.js';
import { text } from './rows.js';

/** The most blobs of one transaction, and milliseconds after which it takes no further one. */
const BATCH = 512;
const BATCH_TIME = 100;

/** Milliseconds the lock is left to others between two of them, and up to as many more. */
const PAUSE = 3;

/** A blob, and whether it may go; told to the tally only when that is committed. */
interface Doomed {
  readonly digest: Digest;
  readonly size: number;
}

/** Removes every blob that is dying and that no namespace has taken up again. */
export async function sweepDying(place: Place, tally: Tally, options: TransactionOptions): Promise<void> {
  let after = '';
  await inBatches(place, tally, options, (transaction, takeOut) => {
    const rows = transaction.all(
      `SELECT digest, size FROM blobs WHERE state = 'dying' AND digest > ?
         AND NOT EXISTS (SELECT 1 FROM content c WHERE c.digest = blobs.digest) ORDER BY digest LIMIT ${BATCH}`,
      after,
    );
    for (const row of rows) {
      const digest = text(row['digest']) as Digest;
      after = digest;
      // Its row goes after its file: one that cannot be removed goes on dying, for a later collection.
      const goOn = takeOut({ digest, size: Number(row['size']) }, () => {
        transaction.run('DELETE FROM blobs WHERE digest = ?', digest);
      });
      if (!goOn) return true;
    }
    return rows.length === BATCH;
  });
}

/**
 * Removes files of blobs that no record knows: left by a crash between a rename and its commit, or a removal and its
 * own. What is in the folders and no blob by its name stays.
 */
export async function sweepUnknown(place: Place, tally: Tally, options: TransactionOptions): Promise<void> {
  const queue = await unknownFiles(place, options);
  await inBatches(place, tally, options, (transaction, takeOut) => {
    for (const digest of queue.splice(0, BATCH)) {
      const known = transaction.get('SELECT 1 FROM blobs WHERE digest = ?', digest) !== undefined;
      const size = place.files.sync.stat(place.paths.blob(digest))?.size;
      if (known || size === undefined) continue;
      if (!takeOut({ digest, size }, () => {})) break;
    }
    return queue.length > 0;
  });
}

/** Files of blobs that no record knew when they were looked for. */
export async function unknownFiles(
  { connection, files, paths }: Place,
  options: TransactionOptions,
): Promise<Digest[]> {
  const found: Digest[] = [];
  for (const algorithm of await files.list(paths.blobs)) {
    if (!isAlgorithm(algorithm)) continue;
    const names = await files.list(join(paths.blobs, algorithm));
    for (const name of names) {
      const digest = `${algorithm}:${name}`;
      if (isDigest(digest)) found.push(digest);
    }
  }
  const known = await connection.read(
    (queries) => new Set(queries.all('SELECT digest FROM blobs').map(({ digest }) => digest)),
    options,
  );
  return found.filter((digest) => !known.has(digest));
}

/**
 * Runs `batch` in transactions of its own until it answers that there is no more. It hands every blob to `takeOut`,
 * which removes the file, then calls `forget`, and answers whether there is time for another one.
 */
async function inBatches(
  place: Place,
  tally: Tally,
  options: TransactionOptions,
  batch: (transaction: Transaction, takeOut: (blob: Doomed, forget: () => void) => boolean) => boolean,
): Promise<void> {
  const { connection, files, paths } = place;
  for (let more = true; more;) {
    const gone: Doomed[] = [];
    const failures: StowageError[] = [];
    more = await connection.transaction((transaction) => {
      const start = performance.now();
      return batch(transaction, (blob, forget) => {
        try {
          const freed = files.sync.unlink(paths.blob(blob.digest));
          forget();
          gone.push(freed ? blob : { ...blob, size: 0 });
        } catch (error) {
          const failure = fromSystemError(
            error,
            `Cannot remove the bytes of blob ${JSON.stringify(blob.digest)}`,
          );
          if (!(failure instanceof StowageError)) throw failure;
          failures.push(failure);
        }
        return performance.now() - start < BATCH_TIME;
      });
    }, options);
    for (const blob of gone) tally.removed({ kind: 'blob', ...blob });
    for (const failure of failures) tally.failed(failure);
    if (more) await sleep(PAUSE * (1 + Math.random()));
  }
}
