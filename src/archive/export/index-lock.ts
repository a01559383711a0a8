import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import { pause } from '../../io/pause.js';
import { syncFolder } from './sync-folder.js';

/** Milliseconds that others are waited for, each of whom needs some hundredths of a second. */
const PATIENCE_MS = 30_000;

/** Milliseconds in which nobody needs to have died who holds the lock: a slow disk may take seconds to sync. */
const STALE_MS = 10_000;

const RETRY_MS = 20;

const PREPARED = /\.lock-[0-9a-f-]{36}$/;

export interface LockTimes {
  /** Milliseconds to wait for others. @default 30 seconds */
  readonly patience?: number;
  /** Milliseconds after which a lock that one and the same holds is broken. @default 10 seconds */
  readonly stale?: number;
}

/**
 * Replaces a file by what `update` makes of it, one at a time among all who do it this way, in any process. So the file
 * is at every moment the old one or the new one, whole and on the disk, and nothing that another wrote is lost.
 *
 * The lock is the folder `<path>.lock` with one file in it, whose name nobody else has: the new content, which is
 * renamed from there into place. The folder is made under another name and renamed as a whole, which only one can while
 * it holds something. Whoever waits long enough for one and the same holder takes its file away. If that one was killed,
 * the lock is free; if it was only slow, its renaming fails, and it begins again. So it does no harm to break a lock too
 * early, and no clock is trusted.
 *
 * @param update gets undefined if there is no file; called again if somebody else broke the lock.
 * @throws {StowageError} BUSY if the lock stays taken; whatever `update` throws, and then nothing is changed.
 */
export async function updateUnderLock(
  path: string,
  update: (existing: Uint8Array | undefined) => Uint8Array,
  options: CallOptions = {},
  { patience = PATIENCE_MS, stale = STALE_MS }: LockTimes = {},
): Promise<void> {
  const lock = `${path}.lock`;
  const deadline = performance.now() + patience;
  for (let done = false; !done;) {
    const own = join(lock, await takeLock(lock, options, { deadline, stale }));
    try {
      await removePrepared(path);
      const bytes = update(await readOrNothing(path));
      options.signal?.throwIfAborted();
      done = await publish(own, path, bytes);
    } catch (error) {
      await rm(own, { force: true });
      throw error;
    } finally {
      await removeEmpty(lock);
    }
  }
  await syncFolder(dirname(path));
}

/** Answers the name of the file in the lock. */
async function takeLock(
  lock: string,
  { signal }: CallOptions,
  { deadline, stale }: { readonly deadline: number; readonly stale: number },
): Promise<string> {
  let seen: { readonly holders: string; readonly since: number } | undefined;
  for (;;) {
    signal?.throwIfAborted();
    const id = await tryLock(lock);
    if (id !== undefined) return id;
    const now = performance.now();
    const found = await holdersIn(lock);
    const holders = found.join(' ');
    if (seen === undefined || holders !== seen.holders) seen = { holders, since: now };
    else if (found.length > 0 && now - seen.since >= stale) {
      for (const holder of found) await rm(join(lock, holder), { force: true });
      await removeEmpty(lock);
      continue;
    }
    if (now >= deadline) {
      throw new StowageError('BUSY', `Cannot update the layout: ${JSON.stringify(lock)} stays there`, {
        detail: { path: lock },
        hint: 'if no other export to this directory runs, remove it',
      });
    }
    await pause(RETRY_MS * (1 + Math.random()), signal);
  }
}

/** Undefined if somebody else holds the lock. */
async function tryLock(lock: string): Promise<string | undefined> {
  const id = randomUUID();
  const prepared = `${lock}-${id}`;
  try {
    await mkdir(prepared);
    await writeFile(join(prepared, id), '', { flag: 'wx', mode: 0o644 });
    await rename(prepared, lock);
    return id;
  } catch (error) {
    await rm(prepared, { recursive: true, force: true });
    if (isTaken(error)) return undefined;
    throw error;
  }
}

/** Windows says EPERM; ENOTDIR is the lock of another kind; ENOENT tells that the holder took it for a leftover. */
function isTaken(error: unknown): boolean {
  const errno = errnoOf(error) ?? '';
  if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errno)) return true;
  const { syscall } = error as { syscall?: unknown };
  if (errno === 'EPERM') return syscall === 'rename';
  return errno === 'ENOENT' && syscall !== 'mkdir';
}

/** Empty if it is being given back, or is a lock of another kind, which is not ours to break. */
async function holdersIn(lock: string): Promise<readonly string[]> {
  try {
    return (await readdir(lock)).sort();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return [];
    throw error;
  }
}

/** False if the lock was broken: then `path` is as before. */
async function publish(own: string, path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    const file = await open(own, 'r+');
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(own, path);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return false;
  }
}

/** What was killed while it prepared a lock leaves that; one who still does prepares another. */
async function removePrepared(path: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(path)}.lock-`) || !PREPARED.test(name)) continue;
    await rm(join(folder, name), { recursive: true, force: true });
  }
}

/** Does nothing if the folder is gone, or is a lock again. */
async function removeEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
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
