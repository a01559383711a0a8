import { dirname } from 'node:path';
import { StowageError } from '../../errors.js';
import type { Files } from './files.js';
import { generationOf } from './layout.js';
import type { Paths } from './paths.js';

/** What may be in a root before its database is; `lost+found` is in the root of every ext file system. */
const BEFORE_DATABASE = new Set(['blobs', 'ingest', 'holders', 'quarantine', 'lost+found']);

/**
 * Makes sure that the root is a folder of ours or, with `create`, one that can become it, and creates what is missing of
 * it unless `readOnly`. Answers whether it can be written. Any number of processes may do so at once.
 *
 * @throws {StowageError} NOT_FOUND if there is no store and none is to be made; INVALID if it is something else than a store; DENIED
 *   if there is no store and none can be created.
 */
export async function prepareRoot(
  files: Files,
  paths: Paths,
  readOnly: boolean,
  create = true,
): Promise<boolean> {
  const mustExist = readOnly || !create;
  const root = await files.stat(paths.root);
  if (root !== undefined && !root.isFolder) throw notAStore(paths, 'it is not a folder');
  if (root === undefined) {
    if (mustExist) throw noStore(paths);
    await createRoot(files, paths.root);
  }
  let database = await files.stat(paths.database);
  let found: readonly string[] = [];
  if (database === undefined) {
    // Looked for again after listing: every store makes its database before anything that would look foreign.
    found = await files.list(paths.root);
    database = await files.stat(paths.database);
  }
  const lost = await lostDatabase(files, paths);
  if (lost !== undefined) throw databaseLost(paths, lost);
  if (database === undefined) {
    checkForeign(paths, found);
    if (mustExist) throw noStore(paths);
  } else if (!(await files.isReadable(paths.database))) {
    throw new StowageError('DENIED', `Cannot read ${JSON.stringify(paths.database)}: permission denied`, {
      detail: { path: paths.database },
    });
  }
  const writable = (await unwritableParts(files, paths)).length === 0;
  if (!writable && database === undefined) {
    throw new StowageError(
      'DENIED',
      `Cannot create a store at ${JSON.stringify(paths.root)}: permission denied`,
      {
        detail: { root: paths.root },
      },
    );
  }
  if (writable && !readOnly) await createFolders(files, paths, database !== undefined);
  return writable;
}

/** What of it a change may touch and this process cannot write: some of it may belong to another user. */
export async function unwritableParts(files: Files, paths: Paths): Promise<readonly string[]> {
  const parts = [
    paths.root,
    ...[paths.database, `${paths.database}-wal`, `${paths.database}-shm`],
    ...[paths.holders, paths.ingests, paths.blobs, paths.blobFolder('sha256')],
  ];
  const writable = await Promise.all(parts.map((part) => files.isWritable(part)));
  return parts.filter((_, place) => !writable[place]);
}

/**
 * Whether the database of a root is gone or empty although there was one. A store writes its index, and the first blob,
 * after its database. To take a lost database for a new one would empty the index, the last place where the names are.
 */
export async function lostDatabase(files: Files, paths: Paths): Promise<'gone' | 'empty' | undefined> {
  if (((await files.stat(paths.database))?.size ?? 0) > 0) return undefined;
  const blobs = await files.list(paths.blobFolder('sha256'));
  const index = await files.readText(paths.index);
  // Looked at again: somebody may be making a store this very moment.
  const database = await files.stat(paths.database);
  if (database !== undefined && database.size > 0) return undefined;
  const ours = index !== undefined && generationOf(Buffer.from(index)) !== undefined;
  const unnamed = index === undefined && blobs.length > 0 && (await files.stat(paths.holders)) !== undefined;
  return ours || unnamed ? (database === undefined ? 'gone' : 'empty') : undefined;
}

function databaseLost({ root, database }: Paths, what: 'gone' | 'empty'): StowageError {
  return new StowageError(
    'CORRUPT',
    `Cannot open a store at ${JSON.stringify(root)}: its ${JSON.stringify(database)} is ${what}`,
    { detail: { root }, hint: 'the images are still there: stowage fsck --repair finds them' },
  );
}

/** The folder itself, or the closest one above it that is there. */
export async function nearestFolder(files: Files, path: string): Promise<string> {
  let folder = path;
  while ((await files.stat(folder)) === undefined && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}

/** Creates a folder with those above it, and makes their names durable: without one of them all below is lost. */
async function createRoot(files: Files, root: string): Promise<void> {
  const existing = await nearestFolder(files, root);
  await files.makeFolders(root);
  for (let folder = root; folder !== existing;) {
    folder = dirname(folder);
    files.sync.syncFolder(folder);
  }
}

/**
 * Creates what is missing of the folders of a store. `known` is one whose database is there: whoever made that had made
 * the folders durable before.
 */
export async function createFolders(files: Files, paths: Paths, known: boolean): Promise<void> {
  let created = false;
  for (const folder of [paths.blobs, paths.blobFolder('sha256'), paths.ingests, paths.holders]) {
    // To look is much faster than to fail, and most often they are all there.
    if ((await files.stat(folder)) === undefined && (await files.makeFolder(folder))) created = true;
  }
  // Who made them may have been killed before that was durable.
  if (known && !created) return;
  files.sync.syncFolder(paths.blobs);
  files.sync.syncFolder(paths.root);
  // A parent that only lets through, such as one of mode 0711, cannot be opened, and so not be synced.
  const parent = dirname(paths.root);
  if (await files.isReadable(parent)) files.sync.syncFolder(parent);
}

/** A folder that holds something else must not be turned into a store: its index would be overwritten. */
function checkForeign(paths: Paths, found: readonly string[]): void {
  if (found.includes('index.json') || found.includes('oci-layout')) {
    throw notAStore(
      paths,
      'it holds an image layout of another program',
      'import that into a store at another place',
    );
  }
  const foreign = found.find((name) => !BEFORE_DATABASE.has(name) && !name.startsWith('metadata.db'));
  if (foreign !== undefined) throw notAStore(paths, `it holds ${JSON.stringify(foreign)} and is no store`);
}

function notAStore({ root }: Paths, reason: string, hint = 'choose a new or an empty folder'): StowageError {
  return new StowageError('INVALID', `Cannot open a store at ${JSON.stringify(root)}: ${reason}`, {
    detail: { root },
    hint,
  });
}

function noStore({ root }: Paths): StowageError {
  return new StowageError('NOT_FOUND', `Cannot open a store at ${JSON.stringify(root)}: there is none`, {
    detail: { root },
  });
}
