import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { StowageError } from '../../../errors.js';
import type { Files } from '../files.js';
import { Connection } from './connection.js';
import { fromSqliteError, isBusy } from './errors.js';
import type { Database, Library } from './library.js';
import { Backoff, LOCK_PATIENCE } from './retry.js';
import { checkVersion, migrate, SCHEMA_VERSION, schemaVersion } from './schema.js';

/** SQLite sleeps on the thread while it waits, so it may wait only shortly; the rest is waited for asynchronously. */
const BUSY_TIMEOUT = 10;

const SETTINGS = `
  PRAGMA busy_timeout = ${BUSY_TIMEOUT};
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = OFF;
  PRAGMA fullfsync = ON;
  PRAGMA checkpoint_fullfsync = ON;
`;

/**
 * Opens the database for writing, and creates it or brings it up to date where needed. Any number of processes may
 * do so at once: switching to the log and creating tables collide with a lock that SQLite does not wait for, so the
 * whole is repeated until it succeeds.
 *
 * @throws {StowageError} UNSUPPORTED if the database is newer than this code; BUSY if it stayed locked for a minute.
 */
export async function openForWriting(library: Library, path: string): Promise<Connection> {
  const database = await untilFree(path, () =>
    opened(library.open(path), (open) => {
      open.exec(SETTINGS);
      if (open.prepare('PRAGMA journal_mode').get()?.['journal_mode'] !== 'wal') {
        open.exec('PRAGMA journal_mode = WAL');
      }
      if (schemaVersion(open) === SCHEMA_VERSION) return;
      open.exec('BEGIN IMMEDIATE');
      migrate(open, path);
      open.exec('COMMIT');
    }),
  );
  return new Connection(database, path);
}

/** Opens the database of a store others may be writing to, for reading only. */
export async function openForReading(library: Library, path: string): Promise<Connection> {
  const location = parametrised(path, 'mode=rw');
  const database = await untilFree(path, () =>
    opened(library.open(location), (open) => {
      open.exec(SETTINGS);
      open.exec('PRAGMA query_only = ON');
      requireCurrent(open, path);
    }),
  );
  return new Connection(database, path);
}

/**
 * Opens the database of a store this process cannot write to. SQLite may then neither lock nor recover, so the file
 * is read as one that never changes; where a log lies beside it, which that way of reading would hide, a copy of both
 * is read instead. `dispose` removes the copy.
 */
export async function openUnwritable(
  library: Library,
  path: string,
  files: Files,
): Promise<{ readonly connection: Connection; readonly dispose: () => Promise<void> }> {
  const log = await files.stat(`${path}-wal`);
  const folder = log === undefined || log.size === 0 ? undefined : await copyOf(path, files);
  const dispose = async () => {
    if (folder !== undefined) await files.removeTree(folder);
  };
  try {
    const location = folder === undefined ? parametrised(path, 'immutable=1') : join(folder, 'metadata.db');
    const database = opened(library.open(location, { readOnly: folder === undefined }), (open) =>
      requireCurrent(open, path),
    );
    return { connection: new Connection(database, path), dispose };
  } catch (error) {
    await dispose();
    throw fromSqliteError(error, `Cannot open ${JSON.stringify(path)}`);
  }
}

/** A copy of database and log from one moment: neither changed while both were copied. */
async function copyOf(path: string, files: Files): Promise<string> {
  const log = `${path}-wal`;
  const facts = async () => JSON.stringify([await files.stat(path), await files.stat(log)]);
  const folder = await files.makeTemporaryFolder();
  const deadline = performance.now() + LOCK_PATIENCE;
  try {
    for (const backoff = new Backoff(); performance.now() < deadline; await backoff.wait()) {
      const before = await facts();
      // The log of an earlier attempt would put old pages over the database.
      await files.unlink(join(folder, 'metadata.db-wal'));
      await files.copy(path, join(folder, 'metadata.db'));
      if ((await files.stat(log)) !== undefined) await files.copy(log, join(folder, 'metadata.db-wal'));
      if (before === (await facts())) return folder;
    }
  } catch (error) {
    await files.removeTree(folder);
    throw error;
  }
  await files.removeTree(folder);
  throw new StowageError('BUSY', `Cannot copy ${JSON.stringify(path)}: it is written to all the time`);
}

function requireCurrent(database: Database, path: string): void {
  const version = checkVersion(database, path);
  if (version === SCHEMA_VERSION) return;
  throw new StowageError(
    'UNSUPPORTED',
    `Cannot read ${JSON.stringify(path)}: its schema has version ${version}, ${SCHEMA_VERSION} is needed`,
    {
      detail: { path, version, outdated: true },
      hint: 'open the store once for writing, which brings it up to date',
    },
  );
}

function parametrised(path: string, parameter: string): URL {
  const url = pathToFileURL(path);
  url.search = parameter;
  return url;
}

function opened(database: Database, prepare: (database: Database) => void): Database {
  try {
    prepare(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

async function untilFree<T>(path: string, attempt: () => T): Promise<T> {
  for (const backoff = new Backoff(LOCK_PATIENCE); ; await backoff.wait()) {
    try {
      return attempt();
    } catch (error) {
      if (!isBusy(error) || backoff.isOver()) {
        throw fromSqliteError(error, `Cannot open ${JSON.stringify(path)}`);
      }
    }
  }
}
