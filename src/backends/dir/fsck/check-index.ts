import { isStowageError } from '../../../errors.js';
import { parseOciLayout } from '../../../oci/layout.js';
import type { Queries } from '../database/connection.js';
import { IndexFile, VISIBLE_NAMESPACE, type IndexState } from '../index-file.js';
import { entriesOf } from '../layout.js';
import { adoptPlanned, planAdoption, unknownEntries } from './adopt-index.js';
import type { Check, Draft } from './check.js';

/** The two files that other tools read, against the records. */
export async function checkIndex(check: Check): Promise<void> {
  const index = new IndexFile(check.place.paths, check.place.files);
  await checkLayoutFile(check, index);
  const bytes = await bytesOf(check);
  // Found before the lock is taken: manifests are read for it.
  const plan = await planAdoption(
    check,
    await check.read((queries) => unknownEntries(queries, entriesOf(bytes))),
  );
  await check.settle(
    (queries) => problemOf(check, queries, index.state(queries)),
    (transaction) => {
      const isForeign = index.state(transaction) === 'foreign';
      const names = isForeign ? adoptPlanned(check, transaction, plan) : [];
      index.rewrite(transaction);
      return names.length === 0 ? 'wrote it anew' : `made images of its entries: ${names.join(', ')}`;
    },
  );
}

async function bytesOf({ place: { files, paths } }: Check): Promise<Uint8Array> {
  return Buffer.from((await files.readText(paths.index)) ?? '');
}

async function checkLayoutFile(check: Check, index: IndexFile): Promise<void> {
  const { files, paths } = check.place;
  await check.settle(
    () => {
      const where = check.where(paths.layout);
      const bytes = files.sync.read(paths.layout);
      if (bytes === undefined) return { code: 'index-stale', where, message: 'it is not there' };
      try {
        parseOciLayout(bytes);
        return undefined;
      } catch (error) {
        if (!isStowageError(error)) throw error;
        return { code: 'index-damaged', where, message: error.message };
      }
    },
    () => {
      index.writeLayout();
      return 'wrote it anew';
    },
  );
}

function problemOf(check: Check, queries: Queries, state: IndexState): Draft | undefined {
  const where = check.where(check.place.paths.index);
  switch (state) {
    case 'current':
      return undefined;
    case 'missing':
      return { code: 'index-stale', where, message: 'it is not there' };
    case 'ahead':
      return { code: 'index-stale', where, message: 'it tells of a change that was never finished' };
    case 'unreadable':
      return { code: 'index-damaged', where, message: 'it is no image index' };
    case 'foreign':
      return {
        code: 'index-foreign',
        where,
        message: `another program changed it: ${changesOf(check, queries)}`,
      };
  }
}

function changesOf(check: Check, queries: Queries): string {
  const bytes = check.place.files.sync.read(check.place.paths.index) ?? new Uint8Array();
  const theirs = new Map(entriesOf(bytes).map(({ name, target }) => [name ?? target.digest, target.digest]));
  const rows = queries.all('SELECT name, digest FROM images WHERE namespace = ?', VISIBLE_NAMESPACE);
  const ours = new Map(rows.map((row) => [String(row['name']), String(row['digest'])]));
  const unnamed = queries.all('SELECT digest FROM images WHERE namespace <> ?', VISIBLE_NAMESPACE);
  for (const row of unnamed) ours.set(String(row['digest']), String(row['digest']));
  const added = [...theirs.keys()].filter((name) => !ours.has(name)).length;
  const removed = [...ours.keys()].filter((name) => !theirs.has(name)).length;
  const moved = [...theirs].filter(([name, digest]) => ours.has(name) && ours.get(name) !== digest).length;
  return `${added} entries added, ${removed} removed, ${moved} changed`;
}
