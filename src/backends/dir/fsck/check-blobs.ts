import { join } from 'node:path';
import { errnoOf, fromSystemError, isStowageError } from '../../../errors.js';
import { chunksOf } from '../../../io/byte-source.js';
import { createHasher } from '../../../io/hash.js';
import { pool } from '../../../io/pool.js';
import { algorithmOf, isAlgorithm, isDigest, type Digest } from '../../../oci/digest.js';
import { BLOB_MODE } from '../blob-file.js';
import type { Queries, Transaction } from '../database/connection.js';
import type { FileFacts } from '../files.js';
import type { Check, Draft } from './check.js';
import { forgetBlob, quarantine } from './mend.js';

/** Files that are looked at, or hashed, at once. */
const LOOKS_AT_ONCE = 16;
const HASHES_AT_ONCE = 4;

const PAGE = 4096;

interface BlobOnDisk {
  readonly digest: Digest;
  readonly path: string;
  readonly facts: FileFacts;
}

interface BlobOnRecord {
  readonly size: number;
  readonly dying: boolean;
}

/**
 * The files among the blobs against their names and their records, in both directions. Sound files that are on no
 * record end in `check.strays`, blobs that are lost in `check.lost`.
 */
export async function checkBlobs(
  check: Check,
): Promise<{ count: number; bytes: number; hashedBytes: number }> {
  const found = await listBlobs(check);
  // Read after the files, so that a file without a record is one that is younger, or stray.
  const records = await readRecords(check);
  const toHash = found.filter(
    ({ digest, facts }) => facts.isFile && isToBeHashed(check, digest, records.get(digest)),
  );
  check.onProgress({
    kind: 'total',
    totalBytes: toHash.reduce((sum, { facts }) => sum + facts.size, 0),
    blobs: toHash.length,
  });
  await pool(found, (blob) => examine(check, blob, records.get(blob.digest)), {
    concurrency: HASHES_AT_ONCE,
    signal: check.signal,
  });
  await findMissing(check, found, records);
  const files = found.filter(({ facts }) => facts.isFile);
  const bytesOf = (blobs: readonly BlobOnDisk[]) => blobs.reduce((sum, { facts }) => sum + facts.size, 0);
  return { count: files.length, bytes: bytesOf(files), hashedBytes: bytesOf(toHash) };
}

/** What has no record is hashed always: only its content can say whether it is worth one. */
function isToBeHashed({ hash, proven }: Check, digest: Digest, record: BlobOnRecord | undefined): boolean {
  if (proven.has(digest)) return false;
  return record === undefined || (hash && !record.dying);
}

async function listBlobs(check: Check): Promise<readonly BlobOnDisk[]> {
  const { files, paths } = check.place;
  const found: BlobOnDisk[] = [];
  const foreign: string[] = [];
  for (const algorithm of [...(await files.list(paths.blobs))].sort()) {
    const folder = join(paths.blobs, algorithm);
    if (!isAlgorithm(algorithm) || (await files.stat(folder))?.isFolder !== true) {
      foreign.push(folder);
      continue;
    }
    const names = [...(await files.list(folder))].sort();
    await pool(
      names,
      async (name) => {
        const path = join(folder, name);
        const digest = `${algorithm}:${name}`;
        if (!isDigest(digest)) return void foreign.push(path);
        const facts = await files.lstat(path);
        if (facts !== undefined) found.push({ digest, path, facts });
      },
      { concurrency: LOOKS_AT_ONCE, signal: check.signal },
    );
  }
  for (const path of foreign) await tellForeign(check, path);
  return found;
}

/** A file or folder in a place where only the store makes any. */
export async function tellForeign(check: Check, path: string): Promise<void> {
  await check.settle(
    () => {
      if (check.place.files.sync.lstat(path) === undefined) return undefined;
      return {
        code: 'foreign-file',
        where: check.where(path),
        message: 'no store makes a file of this name',
      };
    },
    () => quarantine(check.place, path),
  );
}

async function readRecords(check: Check): Promise<ReadonlyMap<Digest, BlobOnRecord>> {
  const records = new Map<Digest, BlobOnRecord>();
  for (let after = ''; ;) {
    const rows = await check.read((queries) =>
      queries.all(
        `SELECT digest, size, state FROM blobs WHERE digest > ? ORDER BY digest LIMIT ${PAGE}`,
        after,
      ),
    );
    for (const row of rows) {
      after = String(row['digest']);
      if (isDigest(after)) records.set(after, { size: Number(row['size']), dying: row['state'] === 'dying' });
    }
    if (rows.length < PAGE) return records;
  }
}

/** The record of a blob as of now. */
function recordOf(queries: Queries, digest: Digest): BlobOnRecord | undefined {
  const row = queries.get('SELECT size, state FROM blobs WHERE digest = ?', digest);
  return row && { size: Number(row['size']), dying: row['state'] === 'dying' };
}

async function examine(check: Check, blob: BlobOnDisk, record: BlobOnRecord | undefined): Promise<void> {
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

const REIMPORT = 'import the images that need it again';

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
  const { onProgress, signal } = check;
  try {
    const file = await check.place.files.open(path, 'r');
    try {
      const hasher = createHasher(algorithmOf(digest));
      const slice = { file, offset: 0, length: facts.size };
      for await (const chunk of chunksOf(slice, { signal })) {
        hasher.update(chunk);
        onProgress({ kind: 'bytes', count: chunk.byteLength });
      }
      const actual = hasher.digest();
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

/** Records whose files are not there. */
async function findMissing(
  check: Check,
  found: readonly BlobOnDisk[],
  records: ReadonlyMap<Digest, BlobOnRecord>,
): Promise<void> {
  const { files, paths } = check.place;
  const there = new Set(found.map(({ digest }) => digest));
  const candidates = [...records].filter(([digest, { dying }]) => !dying && !there.has(digest));
  await pool(
    candidates,
    async ([digest]) => {
      const path = paths.blob(digest);
      const missing = await check.settle(
        (queries) => {
          const record = recordOf(queries, digest);
          if (record === undefined || record.dying || files.sync.lstat(path) !== undefined) return undefined;
          const message = `it is on record with ${record.size} bytes, but its file is gone`;
          return { code: 'blob-missing', where: check.where(path), message, digest, hint: REIMPORT };
        },
        (transaction) => {
          forgetBlob(transaction, digest);
          return 'took it off the record';
        },
      );
      if (missing) check.lost.add(digest);
    },
    { concurrency: PAGE, signal: check.signal },
  );
}
