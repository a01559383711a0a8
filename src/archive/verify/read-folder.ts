import { constants, type Dirent } from 'node:fs';
import { lstat, open, readdir, readlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../errors.js';
import { chunksOf, type Bytes } from '../../io/byte-source.js';
import { FOLDER_DEPTH_LIMIT } from '../layout/directory-layout.js';
import type { FoundFile, Inventory } from './inventory.js';
import { observeAll, type ReadOptions } from './read-archive.js';

/** Entries of a folder and all below it that are looked at. */
const ENTRY_LIMIT = 200_000;

/**
 * Takes in what lies unpacked in a folder. Nothing outside of it is opened: symbolic links are only remembered.
 *
 * @throws {StowageError} what the system says of a folder or file that cannot be read.
 */
export async function readFolder(path: string, inventory: Inventory, options: ReadOptions): Promise<void> {
  const top = await list(path, '');
  for (const entry of top) await addEntry(path, entry, entry.name, inventory);
  const isDocker = inventory.present.has('docker-manifest') || inventory.present.has('docker-repositories');
  let entries = top.length;
  // What else lies beside a layout is not part of it.
  let level = top
    .filter((entry) => entry.isDirectory() && (isDocker || entry.name === 'blobs'))
    .map(({ name }) => name);
  for (let depth = 1; depth < FOLDER_DEPTH_LIMIT && level.length > 0; depth++) {
    const folders: string[] = [];
    for (const below of level) {
      options.signal?.throwIfAborted();
      for (const entry of await list(path, below)) {
        entries += 1;
        if (entries > ENTRY_LIMIT) return tooMany(inventory, below);
        const name = `${below}/${entry.name}`;
        if (entry.isDirectory()) folders.push(name);
        else await addEntry(path, entry, name, inventory);
      }
    }
    level = folders;
  }
  await observeAll(inventory, options);
}

async function addEntry(path: string, entry: Dirent, name: string, inventory: Inventory): Promise<void> {
  if (entry.isDirectory()) return;
  if (entry.isFile()) return addFile(path, name, inventory);
  if (entry.isSymbolicLink()) return addLink(path, name, inventory);
  if (inventory.roleOf(name, 'warning')?.role !== 'other') {
    inventory.addOddEntry(name, 'a device or something else');
  }
}

async function addFile(path: string, name: string, inventory: Inventory): Promise<void> {
  const role = inventory.roleOf(name, 'warning');
  if (role === undefined) return;
  const { size } = await attempt(path, name, () => lstat(join(path, name)));
  const file: FoundFile = {
    entry: name,
    size,
    observed: undefined,
    open: (start = 0, end = size) => chunksOfFile(path, name, start, end),
    lend: (use) => withFile(path, name, (handle) => use({ file: handle, offset: 0, length: size })),
  };
  if (role.role === 'blob') inventory.addBlob(role.digest, file);
  else if (role.role === 'other') inventory.addOther(file);
  else await inventory.addDocument(role.role, name, size, file.open());
}

async function addLink(path: string, name: string, inventory: Inventory): Promise<void> {
  const target = await attempt(path, name, () => readlink(join(path, name)));
  inventory.addLink(name, target, 'symlink');
  if (inventory.roleOf(name, 'warning')?.role !== 'other') inventory.addOddEntry(name, 'a symbolic link');
}

async function list(path: string, below: string) {
  const entries = await attempt(path, below, () => readdir(join(path, below), { withFileTypes: true }));
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Opened when it is read, and closed when that ends: a folder has more blobs than a process may have open files. */
async function withFile<T>(path: string, name: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const file = await openFile(path, name);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function* chunksOfFile(path: string, name: string, start: number, end: number): Bytes {
  const file = await openFile(path, name);
  try {
    yield* chunksOf({ file, offset: start, length: end - start });
  } finally {
    await file.close();
  }
}

function openFile(path: string, name: string): Promise<FileHandle> {
  // A link or a pipe may have taken the place of the file since it was listed.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  return attempt(path, name, () => open(join(path, name), flags));
}

async function attempt<T>(path: string, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    const whole = join(path, name);
    throw fromSystemError(error, `Cannot read ${JSON.stringify(whole)}`, { detail: { path: whole } });
  }
}

function tooMany(inventory: Inventory, below: string): void {
  inventory.findings.add({
    severity: 'error',
    code: 'archive-limit',
    where: below,
    message: `the folder has more than ${ENTRY_LIMIT} files`,
  });
}
