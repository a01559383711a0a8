import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pause } from '../../../io/pause.js';
import type { Digest } from '../../../oci/digest.js';
import type { Transaction } from '../database/connection.js';
import type { FileFacts } from '../files.js';
import { HOLDER_SUFFIX, isHolderId } from '../holders.js';
import { termsIn } from '../ingest-folder.js';
import { isBeingMade, isOrphan, textIn } from '../ingest-holder.js';
import { isLeased } from '../stored-ingests.js';
import type { Place } from '../place.js';
import { tellForeign } from './list-blobs.js';
import type { Check } from './check.js';

/** Whoever is about to remove a blob or a folder is given so many milliseconds to do it between two looks. */
const PASSING_TIME = 300;

/** Whoever begins a write has so long to say what it is for. */
const NAMING_TIME = 60_000;

/** What processes left that were killed, in the order in which repair may clear it. */
export async function checkLeftovers(check: Check): Promise<void> {
  await checkDying(check);
  await checkIngests(check);
  await checkLeases(check);
  await checkTemporaryFiles(check);
  await checkHolders(check);
  await checkHalfWritten(check);
}

async function checkDying(check: Check): Promise<void> {
  const { files, paths } = check.place;
  const query = `SELECT digest FROM blobs WHERE state = 'dying'`;
  const dying = await check.read((queries) => queries.all(query));
  if (dying.length === 0) return;
  await pause(PASSING_TIME, check.signal);
  for (const row of dying) {
    const digest = String(row['digest']) as Digest;
    await check.settle(
      (queries) => {
        const still = queries.get(`${query} AND digest = ?`, digest);
        if (still === undefined) return undefined;
        const message = 'it was deleted, but not yet removed';
        return { code: 'blob-dying', where: check.where(paths.blob(digest)), message, digest };
      },
      (transaction) => {
        const held = transaction.get('SELECT 1 FROM content WHERE digest = ?', digest) !== undefined;
        if (held) {
          transaction.run(`UPDATE blobs SET state = 'live' WHERE digest = ?`, digest);
          return 'kept it: a namespace holds it';
        }
        files.sync.unlink(paths.blob(digest));
        transaction.run('DELETE FROM blobs WHERE digest = ?', digest);
        return 'removed it';
      },
    );
  }
}

async function checkIngests(check: Check): Promise<void> {
  const { files, paths } = check.place;
  const names = [...(await files.list(paths.ingests))].sort();
  if (names.some(isPassing)) await pause(PASSING_TIME, check.signal);
  for (const name of names) {
    const folder = join(paths.ingests, name);
    if ((await files.lstat(folder))?.isFolder === false) {
      await tellForeign(check, folder);
      continue;
    }
    const terms = await termsIn(check.place, folder);
    const named = terms !== undefined;
    const gone = join(paths.ingests, `gone-${randomUUID()}`);
    const found = await check.settle(
      (queries) => {
        const facts = files.sync.lstat(folder);
        if (facts === undefined || isInUse(check.place, name, facts, named)) return undefined;
        // Kept on purpose, for whoever goes on with it.
        if (terms !== undefined && isLeased(queries, terms.namespace, terms.ref)) return undefined;
        const size = files.sync.stat(join(folder, 'data'))?.size ?? 0;
        const message = `a write of ${size} bytes so far that ended before its content was there`;
        return { code: 'ingest-orphan', where: check.where(folder), message };
      },
      () => {
        // Renamed first: nobody takes it up while it is removed.
        files.sync.rename(folder, gone);
        return 'removed it';
      },
    );
    if (found && check.repair) await files.removeTree(gone);
  }
}

/** Names of folders that are about to appear or disappear. */
function isPassing(name: string): boolean {
  return name.startsWith('new-') || name.startsWith('gone-');
}

/** Whether somebody writes it, or has closed it to go on later. */
function isInUse(place: Place, name: string, facts: FileFacts, named: boolean): boolean {
  if (name.startsWith('gone-')) return false;
  const age = Date.now() - Number(facts.modified) / 1e6;
  if (name.startsWith('new-')) return isBeingMade(place, name);
  if (!named) return Math.abs(age) < NAMING_TIME;
  return !isOrphan(place, textIn(place, join(place.paths.ingests, name)));
}

async function checkLeases(check: Check): Promise<void> {
  const { holders } = check.place;
  const leases = await check.read((queries) => queries.all('SELECT namespace, id FROM leases'));
  for (const { namespace, id } of leases) {
    const keys = [namespace ?? '', id ?? ''];
    await check.settle(
      (queries) => {
        const row = queries.get(
          'SELECT holder, expires, lasting FROM leases WHERE namespace = ? AND id = ?',
          ...keys,
        );
        if (row === undefined) return undefined;
        const { holder, expires, lasting } = row;
        // One without a holder that does not last lost its holder to death.
        const dead = holder == null ? lasting === 0 : !holders.isAlive(String(holder));
        const expired = holder == null && expires != null && Number(expires) <= Date.now();
        if (!dead && !expired) return undefined;
        const where = `lease ${JSON.stringify(id)} of namespace ${JSON.stringify(namespace)}`;
        const message = dead ? 'the process that made it is gone' : 'it has expired';
        return { code: 'lease-orphan', where, message, namespace: String(namespace) };
      },
      (transaction) => {
        transaction.run('DELETE FROM lease_resources WHERE namespace = ? AND lease = ?', ...keys);
        transaction.run('DELETE FROM leases WHERE namespace = ? AND id = ?', ...keys);
        return 'removed it';
      },
    );
  }
}

async function checkTemporaryFiles(check: Check): Promise<void> {
  const { files, holders } = check.place;
  const rows = await check.read((queries) => queries.all('SELECT path, holder FROM temporary_files'));
  for (const { path, holder } of rows) {
    const [file, owner] = [String(path), String(holder)];
    await check.settle(
      (queries) => {
        const still = queries.get('SELECT 1 FROM temporary_files WHERE path = ? AND holder = ?', file, owner);
        if (still === undefined || holders.isAlive(owner)) return undefined;
        return { code: 'temporary-file', where: file, message: 'the process that wrote it is gone' };
      },
      (transaction) => {
        files.sync.unlink(file);
        transaction.run('DELETE FROM temporary_files WHERE path = ? AND holder = ?', file, owner);
        return 'removed it';
      },
    );
  }
}

/** Records of holders outlive their files by design, and go with the next process that writes. */
async function checkHolders(check: Check): Promise<void> {
  const { files, paths, holders } = check.place;
  for (const name of [...(await files.list(paths.holders))].sort()) {
    const path = join(paths.holders, name);
    const id = name.endsWith(HOLDER_SUFFIX) ? name.slice(0, -HOLDER_SUFFIX.length) : '';
    if (!isHolderId(id)) {
      await tellForeign(check, path);
      continue;
    }
    await check.settle(
      () => {
        if (files.sync.lstat(path) === undefined || holders.isAlive(id)) return undefined;
        return { code: 'holder-dead', where: check.where(path), message: 'its process is gone' };
      },
      (transaction: Transaction) => {
        // What it left is cleared above, or stays with its record for the next process to try.
        files.sync.unlink(path);
        transaction.run(
          'DELETE FROM holders WHERE id = ? AND NOT EXISTS (SELECT 1 FROM temporary_files WHERE holder = ?)',
          id,
          id,
        );
        return 'removed it';
      },
    );
  }
}

/** Files of the root are replaced under the write lock, so that under it none is half written by somebody alive. */
async function checkHalfWritten(check: Check): Promise<void> {
  const { files, paths } = check.place;
  for (const path of [`${paths.index}.tmp`, `${paths.layout}.tmp`]) {
    if ((await files.lstat(path)) === undefined) continue;
    await check.settle(
      () => {
        if (files.sync.lstat(path) === undefined) return undefined;
        return { code: 'half-written', where: check.where(path), message: 'it was never finished' };
      },
      () => {
        files.sync.unlink(path);
        return 'removed it';
      },
    );
  }
}
