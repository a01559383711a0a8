import { randomBytes } from 'node:crypto';
import { errnoOf, isStowageError } from '../../errors.js';
import type { Files } from './files.js';
import type { Paths } from './paths.js';

/** What a removal needs: the index of SQLite's log, some pages of the log, and a new `index.json`, in bytes. */
const LEAST = 256 << 10;

/** Random, since some file systems keep nothing of zeros. */
const PIECE = 256 << 10;

interface Where {
  readonly files: Files;
  readonly paths: Paths;
}

/**
 * Sees to it that the root has a file whose space a removal can have on a full disk: to remove takes space, too. It
 * grows with the database, as `index.json` and the log do, and is not made where it would take more than a quarter of
 * what is left. Only a help: a store without it works, so that a failure to make it is none.
 */
export async function keepReserve({ files, paths }: Where): Promise<void> {
  try {
    const [reserve, database] = [await files.stat(paths.reserve), await files.stat(paths.database)];
    const needed = LEAST + (database?.size ?? 0);
    if (reserve !== undefined && reserve.size >= needed) return;
    // Twice as much, for the database to grow.
    const size = 2 * needed;
    if ((await files.freeSpace(paths.root)) < 4 * size) return;
    if (reserve !== undefined) await files.unlink(paths.reserve);
    await write(files, paths.reserve, size);
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
  }
}

/**
 * Runs `work`, which removes something, and once more if there was no space for it and the reserve could be given up.
 * What `work` did before it failed with NO_SPACE must not count twice.
 */
export async function withReserve<T>({ files, paths }: Where, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isStowageError(error, 'NO_SPACE') || !(await files.unlink(paths.reserve))) throw error;
    return work();
  }
}

/** Not in one step: one that is too small, be it by a kill, is made again; two who make one make the same. */
async function write(files: Files, path: string, size: number): Promise<void> {
  const file = await files.open(path, 'wx+');
  try {
    const piece = randomBytes(PIECE);
    for (let at = 0; at < size;) {
      at += (await file.writev([piece.subarray(0, size - at)], at)).bytesWritten;
    }
  } catch (error) {
    await files.unlink(path);
    throw error;
  } finally {
    await file.close();
  }
}
