import type { Digest } from '../../../oci/digest.js';
import type { Queries, Transaction } from '../database/connection.js';
import { adopt, findAdoptable, needsOfRecords, type Adopted } from './adopt.js';
import type { Check, Draft } from './check.js';
import { quarantine } from './mend.js';

/**
 * Sound files that are on no record: a process was killed between naming the file and recording it, or a record was
 * lost. What an image or a manifest needs gets its record back; the rest goes to quarantine.
 */
export async function checkStrays(check: Check): Promise<void> {
  if (check.strays.size === 0) return;
  const needed = new Map<Digest, Adopted[]>();
  for (const each of await findAdoptable(check, await needsOfRecords(check))) {
    needed.set(each.digest, [...(needed.get(each.digest) ?? []), each]);
  }
  for (const digest of check.strays.keys()) {
    const owners = needed.get(digest);
    await check.settle(
      (queries) => strayOf(check, queries, digest, owners !== undefined),
      (transaction) => mend(check, transaction, digest, owners),
    );
  }
}

function strayOf(check: Check, queries: Queries, digest: Digest, isNeeded: boolean): Draft | undefined {
  const { files, paths } = check.place;
  const path = paths.blob(digest);
  if (queries.get('SELECT 1 FROM blobs WHERE digest = ?', digest) !== undefined) return undefined;
  if (files.sync.lstat(path) === undefined) return undefined;
  const message = isNeeded ? 'it is on no record, and an image needs it' : 'it is on no record';
  return { code: 'file-unrecorded', where: check.where(path), message, digest };
}

function mend(
  check: Check,
  transaction: Transaction,
  digest: Digest,
  owners: readonly Adopted[] | undefined,
): string {
  if (owners === undefined) return quarantine(check.place, check.place.paths.blob(digest));
  for (const owner of owners) adopt(check, transaction, owner);
  return 'recorded it again';
}
