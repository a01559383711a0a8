import { errnoOf, fromSystemError, isStowageError, StowageError } from '../../errors.js';
import type { SharedConnection } from './database/connection.js';
import type { Files } from './files.js';
import type { Paths } from './paths.js';

/**
 * The connection, unless the root is gone or has another database by now: SQLite would go on in files that have no name
 * any more, and what is reported as done would be nowhere. Every call looks first.
 *
 * @throws {StowageError} UNAVAILABLE from every call once that is so.
 */
export async function whileThere(
  connection: SharedConnection,
  { root, database }: Paths,
  files: Files,
): Promise<SharedConnection> {
  const opened = await files.stat(database);
  const look = () => {
    let found: string | undefined;
    try {
      found = files.sync.stat(database)?.inode;
    } catch (error) {
      throw fromSystemError(error, `Cannot use the store at ${JSON.stringify(root)}`);
    }
    if (found === undefined || found !== opened?.inode) throw storeGone(root);
  };
  return {
    read: (query, options) =>
      connection.read((queries) => {
        look();
        return query(queries);
      }, options),
    transaction: (work, options) =>
      connection.transaction((transaction) => {
        look();
        return work(transaction);
      }, options),
  };
}

/** Where a file was not there: rejects as {@link whileThere} does should that be because all of it is gone. */
export async function requireThere(connection: SharedConnection, error: unknown): Promise<void> {
  if (errnoOf(error) === 'ENOENT' || isStowageError(error, 'NOT_FOUND')) await connection.read(() => {});
}

function storeGone(root: string): StowageError {
  return new StowageError(
    'UNAVAILABLE',
    `Cannot use the store at ${JSON.stringify(root)}: its folder was removed, moved or replaced while it was open`,
    {
      detail: { root },
      hint: 'put it back, or close the store and open it again: what is gone has to be imported anew',
    },
  );
}
