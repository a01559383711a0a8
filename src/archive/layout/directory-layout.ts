import { constants, type Dirent } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fromSystemError, StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import { chunksOf, type Bytes } from '../../io/byte-source.js';
import type { Digest } from '../../oci/digest.js';
import { EntryNames } from '../docker/entry-names.js';
import { MAX_ENTRIES } from '../tar/read-options.js';
import { quote } from '../tar/text.js';
import type { ArchiveContents } from './archive-contents.js';
import type { ArchiveFile } from './archive-file.js';
import { contentsOf, type LayoutOptions } from './contents.js';
import { roleOf } from './entry-name.js';
import { LayoutDocuments } from './layout-documents.js';

/** Folders inside each other that are looked into. Unpacked archives have three. */
export const FOLDER_DEPTH_LIMIT = 8;

interface Folder {
  readonly path: string;
  readonly what: string;
}

/**
 * Reads an image archive that lies unpacked in a folder: an OCI image layout, or what unpacking one of Docker's gives.
 * No blob is read. Nothing outside the folder is ever opened: a symbolic link among the files of a layout is refused,
 * and one among the layers of Docker only stands for another file of the folder.
 *
 * @throws {StowageError} INVALID, UNSUPPORTED or LIMIT_EXCEEDED for what is no image archive; what the system says of
 *   a file that cannot be read.
 */
export async function readDirectoryLayout(
  folder: Folder,
  options: LayoutOptions = {},
): Promise<ArchiveContents> {
  const { what } = folder;
  const documents = new LayoutDocuments(what);
  for (const entry of await list(folder, '')) {
    if (entry.isDirectory() || entry.name === 'blobs') continue;
    const { role } = roleOf(entry.name, what);
    if (role === 'other' || role === 'blob') continue;
    const file = await regular(folder, entry.name, entry);
    await documents.accept(role, file.size, file.open());
  }
  const blobs = new Map<Digest, ArchiveFile>();
  const names = new EntryNames(what);
  if (documents.form().kind === 'oci') await addBlobs(folder, blobs);
  else await addEverything(folder, names, options);
  return contentsOf({ what, documents, blobs, names, written: new Set(), endMarked: true }, options);
}

/** What is in `blobs/`. Names that are none of a blob are passed over: other tools keep their own things there. */
async function addBlobs(folder: Folder, blobs: Map<Digest, ArchiveFile>): Promise<void> {
  for (const algorithm of ['sha256', 'sha512']) {
    for (const below of ['blobs', `blobs/${algorithm}`]) {
      const entry = await lstat(join(folder.path, below)).catch(ignoreAbsent);
      if (entry?.isSymbolicLink() === true) throw isLink(folder, below);
    }
    for (const entry of await list(folder, `blobs/${algorithm}`)) {
      const name = `blobs/${algorithm}/${entry.name}`;
      const digest = digestIn(name, folder.what);
      if (digest !== undefined) blobs.set(digest, await regular(folder, name, entry));
    }
  }
}

function digestIn(name: string, what: string): Digest | undefined {
  try {
    const found = roleOf(name, what);
    return found.role === 'blob' ? found.digest : undefined;
  } catch (error) {
    if (error instanceof StowageError && error.code === 'INVALID') return undefined;
    throw error;
  }
}

async function addEverything(folder: Folder, names: EntryNames, { signal }: CallOptions): Promise<void> {
  let entries = 0;
  let level = [''];
  for (let depth = 0; depth < FOLDER_DEPTH_LIMIT && level.length > 0; depth++) {
    const folders: string[] = [];
    for (const below of level) {
      signal?.throwIfAborted();
      for (const entry of await list(folder, below)) {
        entries += 1;
        if (entries > MAX_ENTRIES) {
          throw new StowageError(
            'LIMIT_EXCEEDED',
            `Cannot import ${folder.what}: the folder has more than ${MAX_ENTRIES} files`,
          );
        }
        const name = below === '' ? entry.name : `${below}/${entry.name}`;
        if (entry.isDirectory()) folders.push(name);
        else if (entry.isFile()) names.addFile(name, await regular(folder, name, entry));
        else if (entry.isSymbolicLink()) {
          names.addLink(name, await readlink(join(folder.path, name)), 'symlink');
        }
      }
    }
    level = folders;
  }
}

async function list(folder: Folder, below: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(join(folder.path, below), { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    const isAbsent = below !== '' && errnoOf(error) === 'ENOENT';
    if (isAbsent) return [];
    throw unreadable(error, folder, below);
  }
}

async function regular(folder: Folder, name: string, entry: Dirent): Promise<ArchiveFile> {
  if (entry.isSymbolicLink()) throw isLink(folder, name);
  if (!entry.isFile()) throw refused(folder, name, 'it is not a regular file');
  const path = join(folder.path, name);
  try {
    const { size } = await lstat(path);
    return { size, open: (start = 0, end = size) => chunksOfFile(folder, name, start, end) };
  } catch (error) {
    throw unreadable(error, folder, name);
  }
}

/** Opened when it is read, and closed when that ends: a folder has more blobs than a process may have open files. */
async function* chunksOfFile(folder: Folder, name: string, start: number, end: number): Bytes {
  // A link or a pipe may have taken the place of the file since it was listed.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const file = await open(join(folder.path, name), flags).catch((error: unknown) => {
    throw errnoOf(error) === 'ELOOP' ? isLink(folder, name) : unreadable(error, folder, name);
  });
  try {
    yield* chunksOf({ file, offset: start, length: end - start });
  } finally {
    await file.close();
  }
}

function isLink(folder: Folder, name: string): StowageError {
  return refused(
    folder,
    name,
    'it is a symbolic link',
    'copy the folder with its links resolved: cp -rL FROM TO',
  );
}

function refused(folder: Folder, name: string, reason: string, hint?: string): StowageError {
  return new StowageError('INVALID', `Cannot import ${folder.what}: ${quote(name)}: ${reason}`, {
    detail: { entry: name },
    ...(hint === undefined ? {} : { hint }),
  });
}

function unreadable(error: unknown, folder: Folder, name: string): unknown {
  const place = name === '' ? folder.what : `${quote(name)} in ${folder.what}`;
  return fromSystemError(error, `Cannot read ${place}`, { detail: { path: join(folder.path, name) } });
}

function ignoreAbsent(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}
