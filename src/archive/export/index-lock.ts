import { open, readFile, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errnoOf, StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import { syncFolder } from './sync-folder.js';

/** Milliseconds that others are waited for, each of whom needs some hundredths of a second. */
const PATIENCE_MS = 30_000;

const RETRY_MS = 20;

/**
 * Replaces a file by what `update` makes of it, one at a time among all who do it this way, in any process: the new
 * content is written to `<path>.lock`, which only one can make, and renamed into place. So the file is at every moment
 * the old one or the new one, whole and on the disk, and nothing that another wrote is lost. A process that is killed
 * in these hundredths of a second leaves the lock behind, for a person to remove: nobody else can know that it is dead.
 *
 * @param update gets undefined if there is no file.
 * @param patience milliseconds to wait for others.
 * @throws {StowageError} BUSY if the lock stays taken; whatever `update` throws, and then nothing is changed.
 */
export async function updateUnderLock(
  path: string,
  update: (existing: Uint8Array | undefined) => Uint8Array,
  options: CallOptions = {},
  patience = PATIENCE_MS,
): Promise<void> {
  const lock = `${path}.lock`;
  const file = await takeLock(lock, options, patience);
  try {
    const existing = await readOrNothing(path);
    const bytes = update(existing);
    await file.writeFile(bytes);
    await file.sync();
    await file.close();
    options.signal?.throwIfAborted();
    await rename(lock, path);
  } catch (error) {
    await file.close();
    await rm(lock, { force: true });
    throw error;
  }
  await syncFolder(dirname(path));
}

async function takeLock(lock: string, { signal }: CallOptions, patience: number): Promise<FileHandle> {
  const deadline = Date.now() + patience;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await open(lock, 'wx', 0o644);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      if (Date.now() >= deadline) {
        throw new StowageError('BUSY', `Cannot update the layout: ${JSON.stringify(lock)} stays there`, {
          detail: { path: lock },
          hint: 'if no other export to this directory runs, remove that file',
          cause: error,
        });
      }
    }
    await delay(RETRY_MS * (1 + Math.random()), undefined, { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  }
}

async function readOrNothing(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
