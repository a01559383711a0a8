import { join } from 'node:path';
import { pool } from '../../../io/pool.js';
import { isAlgorithm, isDigest, type Digest } from '../../../oci/digest.js';
import type { Queries } from '../database/connection.js';
import type { FileFacts } from '../files.js';
import type { Check } from './check.js';
import { quarantine } from './mend.js';

/** Files that are looked at at once. */
const LOOKS_AT_ONCE = 16;

const PAGE = 4096;

export interface BlobOnDisk {
  readonly digest: Digest;
  readonly path: string;
  readonly facts: FileFacts;
}

export interface BlobOnRecord {
  readonly size: number;
  readonly dying: boolean;
}

/** The files among the blobs whose names are digests; any other is told of. */
export async function listBlobs(check: Check): Promise<readonly BlobOnDisk[]> {
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

/** What is on record of all blobs. */
export async function readRecords(check: Check): Promise<ReadonlyMap<Digest, BlobOnRecord>> {
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
export function recordOf(queries: Queries, digest: Digest): BlobOnRecord | undefined {
  const row = queries.get('SELECT size, state FROM blobs WHERE digest = ?', digest);
  return row && { size: Number(row['size']), dying: row['state'] === 'dying' };
}
