import { isStowageError } from '../../errors.js';
import type { Algorithm } from '../../oci/digest.js';
import { loadLibrary } from './database/library.js';
import { openForReading, openForWriting, openUnwritable } from './database/open.js';
import { CopyLanes, type CopyLanesOptions } from '../../io/copy-lanes.js';
import type { Files } from './files.js';
import { nodeFiles } from './node-files.js';
import { Gathering } from './gathering.js';
import { Holders } from './holders.js';
import type { Paths } from './paths.js';
import type { Place } from './place.js';
import { whileThere } from './still-there.js';

/**
 * Opens what a process needs of a root that is there: to write, to read while others may write (`read`), or to read
 * what this process cannot write to (`unwritable`). To be called inside `share` only, and whose `close` is its end.
 */
export async function openPlace(
  paths: Paths,
  files: Files,
  mode: 'write' | 'read' | 'unwritable',
  lanesOptions: CopyLanesOptions = {},
): Promise<Place> {
  const library = await loadLibrary();
  const withoutWriting = () => openUnwritable(library, paths.database, files);
  let unwritable = mode === 'unwritable' ? await withoutWriting() : undefined;
  let connection = unwritable?.connection;
  try {
    connection ??= await (mode === 'write' ? openForWriting : openForReading)(library, paths.database);
  } catch (error) {
    // SQLite writes an index of its log even to read; what is on a full disk can be read all the same.
    if (mode === 'write' || !isStowageError(error, 'NO_SPACE')) throw error;
    unwritable = await withoutWriting();
    connection = unwritable.connection;
  }
  const shared = await whileThere(connection, paths, files).catch(async (error: unknown) => {
    await connection.close().finally(() => unwritable?.dispose());
    throw error;
  });
  const holders = new Holders(library, shared, paths, files);
  // Another thread would write past whatever stands in for the files.
  const lanes = files === nodeFiles && mode === 'write' ? new CopyLanes(lanesOptions) : undefined;
  const close = async () => {
    try {
      await lanes?.close();
      await holders.close();
    } finally {
      await connection.close().finally(() => unwritable?.dispose());
    }
  };
  const [openIngests, puts] = [new Set<string>(), new Gathering()];
  // That of sha256 was synced before the database was made.
  const durableFolders = new Set<Algorithm>(['sha256']);
  return { paths, files, connection: shared, holders, lanes, openIngests, durableFolders, puts, close };
}
