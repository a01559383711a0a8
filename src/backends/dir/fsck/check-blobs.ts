import { pool } from '../../../io/pool.js';
import type { Digest } from '../../../oci/digest.js';
import type { Check } from './check.js';
import { examineBlob, isToBeHashed, REIMPORT } from './examine-blob.js';
import { listBlobs, readRecords, recordOf, type BlobOnDisk, type BlobOnRecord } from './list-blobs.js';
import { forgetBlob } from './mend.js';

/** Blobs that are open at once, so that no lane waits for the next one. */
const HASHES_AT_ONCE = 6;

/** Records that are looked at again at once. */
const LOOKS_AT_ONCE = 4096;

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
  // The largest first, so that none is left alone at the end.
  const bySize = [...found].sort((a, b) => b.facts.size - a.facts.size);
  await pool(bySize, (blob) => examineBlob(check, blob, records.get(blob.digest)), {
    concurrency: HASHES_AT_ONCE,
    signal: check.signal,
  });
  await findMissing(check, found, records);
  const files = found.filter(({ facts }) => facts.isFile);
  const bytesOf = (blobs: readonly BlobOnDisk[]) => blobs.reduce((sum, { facts }) => sum + facts.size, 0);
  return { count: files.length, bytes: bytesOf(files), hashedBytes: bytesOf(toHash) };
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
    { concurrency: LOOKS_AT_ONCE, signal: check.signal },
  );
}
