import { errnoOf, fromSystemError, isStowageError } from '../../../errors.js';
import { algorithmOf, type Digest } from '../../../oci/digest.js';
import { BLOB_MODE } from '../blob-file.js';
import type { Queries, Transaction } from '../database/connection.js';
import type { FileFacts } from '../files.js';
import type { Check, Draft } from './check.js';
import { recordOf, type BlobOnDisk, type BlobOnRecord } from './list-blobs.js';
import { forgetBlob, quarantine } from './mend.js';

/** What to do about a blob that is lost. */
export const REIMPORT = 'import the images that need it again';

/** What has no record is hashed always: only its content can say whether it is worth one. */
export function isToBeHashed(
  { hash, proven }: Check,
  digest: Digest,
  record: BlobOnRecord | undefined,
): boolean {
  if (proven.has(digest)) return false;
  return record === undefined || (hash && !record.dying);
}

/** One file against its name and its record: kind, size, content, permissions. */
export async function examineBlob(
  check: Check,
  blob: BlobOnDisk,
  record: BlobOnRecord | undefined,
): Promise<void> {
  const { files } = check.place;
  const { digest, path } = blob;
  if (!blob.facts.isFile) {
    return judge(check, blob, 'blob-kind', 'it is not a file');
  }
  for (let { facts } = blob; ;) {
    const outcome = isToBeHashed(check, digest, record)
      ? await hashFile(check, { ...blob, facts })
      : undefined;
    const bad = record !== undefined && record.size !== facts.size ? wrongSizeOf(record, facts) : outcome;
    if (bad === undefined) break;
    await judge(check, { ...blob, facts }, bad.code, bad.message, bad.hint);
    // Another file by now: a blob that was deleted and stored again meanwhile.
    const now = await files.lstat(path);
    if (now === undefined || !now.isFile || isSame(now, facts)) return;
    facts = now;
  }
  if (record === undefined) check.strays.set(digest, blob.facts.size);
  if (blob.facts.mode === BLOB_MODE) return;
  await check.settle(
    () => {
      const now = files.sync.lstat(path);
      if (now === undefined || now.mode === BLOB_MODE) return undefined;
      const mode = now.mode.toString(8).padStart(4, '0');
      const message = `its permissions are ${mode} instead of 0444`;
      return { code: 'blob-mode', where: check.where(path), message, digest };
    },
    () => {
      files.sync.chmod(path, BLOB_MODE);
      return 'set its permissions to 0444';
    },
  );
}

interface Bad {
  readonly code: 'blob-digest' | 'blob-size' | 'blob-unreadable';
  readonly message: string;
  readonly hint?: string;
}

function wrongSizeOf({ size }: BlobOnRecord, facts: FileFacts): Bad {
  return { code: 'blob-size', message: `its file has ${facts.size} bytes instead of ${size}` };
}

/** Tells what is wrong with a blob, if its file is still the one that was looked at. */
async function judge(
  check: Check,
  { digest, path, facts }: BlobOnDisk,
  code: Bad['code'] | 'blob-kind',
  message: string,
  hint = REIMPORT,
): Promise<void> {
  const { place } = check;
  let recorded = false;
  const look = (queries: Queries): Draft | undefined => {
    const now = place.files.sync.lstat(path);
    if (now === undefined || !isSame(now, facts)) return undefined;
    const record = recordOf(queries, digest);
    // It is about to be removed by whoever deleted it.
    if (record?.dying === true) return undefined;
    recorded = record !== undefined;
    const where = check.where(path);
    return recorded
      ? { code, where, message, digest, hint }
      : { code: 'file-unrecorded', where, message: `it is on no record, and ${message}`, digest };
  };
  const mend = (transaction: Transaction) => {
    const done = quarantine(place, path);
    forgetBlob(transaction, digest);
    return done;
  };
  const found = await check.settle(look, mend);
  if (found && recorded) check.lost.add(digest);
}

function isSame(one: FileFacts, other: FileFacts): boolean {
  return one.inode === other.inode && one.modified === other.modified && one.size === other.size;
}

/** What is wrong with the content of a file. One that is gone by now is nobody's fault. */
async function hashFile(check: Check, { digest, path, facts }: BlobOnDisk): Promise<Bad | undefined> {
  const { lanes, onProgress, signal } = check;
  try {
    const file = await check.place.files.open(path, 'r');
    try {
      const actual = await lanes.copy(
        { from: { file, offset: 0, length: facts.size }, algorithm: algorithmOf(digest) },
        { signal, onBytes: (count) => onProgress({ kind: 'bytes', count }) },
      );
      if (actual === digest) return undefined;
      return { code: 'blob-digest', message: `its content has the digest ${actual}` };
    } finally {
      await file.close();
    }
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return undefined;
    // It was cut short since it was looked at; whoever did so is seen at the next look.
    if (isStowageError(error, 'MISMATCH'))
      return { code: 'blob-digest', message: 'it was cut short meanwhile' };
    if (errno === undefined) throw error;
    const { message } = fromSystemError(error, 'it cannot be read') as Error;
    return { code: 'blob-unreadable', message };
  }
}
