import * as fs from 'node:fs';
import * as promises from 'node:fs/promises';
import { platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../errors.js';

/** What is known of a file, enough to tell whether it is still the same one. */
export interface FileFacts {
  /** In bytes. */
  readonly size: number;
  readonly inode: string;
  /** In nanoseconds, as text. */
  readonly modified: string;
  readonly isFolder: boolean;
  /** Neither a folder nor a link, pipe, socket or device. */
  readonly isFile: boolean;
  /** The permissions, as chmod(2) takes them. */
  readonly mode: number;
}

/** An open file: as much of Node's handle as is used. */
export type OpenFile = Pick<
  promises.FileHandle,
  'read' | 'writev' | 'truncate' | 'chmod' | 'stat' | 'datasync' | 'sync' | 'close'
>;

/** The operations that run inside a database transaction, where nothing may wait for anything. */
export interface SyncFiles {
  /** Undefined if there is no such file. */
  stat(path: string): FileFacts | undefined;
  /** Of a symbolic link itself, not of what it points to. */
  lstat(path: string): FileFacts | undefined;
  rename(from: string, to: string): void;
  chmod(path: string, mode: number): void;
  /** False if there was one already. */
  makeFolder(path: string): boolean;
  /** False if there was none. */
  unlink(path: string): boolean;
  list(folder: string): readonly string[];
  /** Undefined if there is no such file. */
  read(path: string): Uint8Array | undefined;
  /** Creates or replaces the file; its bytes are on the disk when this returns, its name not necessarily. */
  writeSynced(path: string, content: string): void;
  /** Makes the names in a folder durable: what was created, renamed or removed in it. */
  syncFolder(folder: string): void;
}

/**
 * Every operation of this backend on a file, except SQLite's own; so that whoever hands in another implementation can
 * inject faults and power cuts. Errors are those of Node, unchanged.
 */
export interface Files {
  open(path: string, flags: 'r' | 'r+' | 'wx+', mode?: number): Promise<OpenFile>;
  stat(path: string): Promise<FileFacts | undefined>;
  /** Of a symbolic link itself, not of what it points to. */
  lstat(path: string): Promise<FileFacts | undefined>;
  /** Undefined if there is no such file. */
  readText(path: string): Promise<string | undefined>;
  /** A new small file, not synced; EEXIST if there is one. */
  createText(path: string, content: string): Promise<void>;
  /** A small file in the place of what was there, in one step, not synced. */
  replaceText(path: string, content: string): Promise<void>;
  /** False if there was one already. */
  makeFolder(path: string): Promise<boolean>;
  /** With every folder above it. */
  makeFolders(path: string): Promise<void>;
  /** Empty if there is no such folder. */
  list(folder: string): Promise<readonly string[]>;
  unlink(path: string): Promise<boolean>;
  /** Gives a folder its final name in one step; false if another one with something in it has that name. */
  renameFolder(from: string, to: string): Promise<boolean>;
  /** A folder with all that is in it; does nothing if there is none. */
  removeTree(path: string): Promise<void>;
  copy(from: string, to: string): Promise<void>;
  /** A new empty folder among the temporary files of the machine. */
  makeTemporaryFolder(): Promise<string>;
  /** Whether the system lets this process read or write the path. It forbids nothing of what is not there. */
  isReadable(path: string): Promise<boolean>;
  isWritable(path: string): Promise<boolean>;
  /** The device and inode of a folder, which name it whatever its path. */
  identify(folder: string): Promise<string>;
  /** The magic number of the file system a path is on. */
  fileSystemType(path: string): Promise<number>;
  /** How many bytes this process may still write to the file system a path is on, as far as that says. */
  freeSpace(path: string): Promise<number>;
  readonly sync: SyncFiles;
}

const syncFiles: SyncFiles = {
  stat: (path) => factsOf(fs.statSync(path, { bigint: true, throwIfNoEntry: false })),
  lstat: (path) => factsOf(fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })),
  rename: renameSync,
  chmod: (path, mode) => fs.chmodSync(path, mode),
  makeFolder(path) {
    try {
      fs.mkdirSync(path);
      return true;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      return false;
    }
  },
  unlink(path) {
    try {
      fs.unlinkSync(path);
      return true;
    } catch (error) {
      return missing(error, false);
    }
  },
  list: (folder) => fs.readdirSync(folder),
  read(path) {
    try {
      return fs.readFileSync(path);
    } catch (error) {
      return missing(error, undefined);
    }
  },
  writeSynced(path, content) {
    const descriptor = fs.openSync(path, 'w', 0o644);
    try {
      fs.writeFileSync(descriptor, content);
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  },
  syncFolder(folder) {
    // Windows has no such operation; its file system keeps the order of names by itself.
    if (platform() === 'win32') return;
    const descriptor = fs.openSync(folder, 'r');
    try {
      fs.fsyncSync(descriptor);
    } finally {
      fs.closeSync(descriptor);
    }
  },
};

/** The files of this machine. */
export const nodeFiles: Files = {
  open: (path, flags, mode) => promises.open(path, flags, mode),
  async stat(path) {
    try {
      return factsOf(await promises.stat(path, { bigint: true }));
    } catch (error) {
      return missing(error, undefined);
    }
  },
  async lstat(path) {
    try {
      return factsOf(await promises.lstat(path, { bigint: true }));
    } catch (error) {
      return missing(error, undefined);
    }
  },
  async readText(path) {
    try {
      return await promises.readFile(path, 'utf8');
    } catch (error) {
      return missing(error, undefined);
    }
  },
  createText: (path, content) => promises.writeFile(path, content, { flag: 'wx' }),
  async replaceText(path, content) {
    await promises.writeFile(`${path}.new`, content);
    for (let attempt = 1; ; attempt++) {
      try {
        return await promises.rename(`${path}.new`, path);
      } catch (error) {
        if (!mayPass(error, attempt)) throw error;
        await sleep(RENAME_PAUSE);
      }
    }
  },
  async makeFolder(path) {
    try {
      await promises.mkdir(path);
      return true;
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      return false;
    }
  },
  async makeFolders(path) {
    // Not Node's own recursion: where a file system answers that nothing is there, as /proc does, that never ends.
    try {
      await nodeFiles.makeFolder(path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || dirname(path) === path) throw error;
      await nodeFiles.makeFolders(dirname(path));
      await nodeFiles.makeFolder(path);
    }
  },
  async list(folder) {
    try {
      return await promises.readdir(folder);
    } catch (error) {
      return missing(error, []);
    }
  },
  async unlink(path) {
    try {
      await promises.unlink(path);
      return true;
    } catch (error) {
      return missing(error, false);
    }
  },
  async renameFolder(from, to) {
    try {
      await promises.rename(from, to);
      return true;
    } catch (error) {
      // Windows says that it is not permitted, also where the other one is empty.
      const errno = errnoOf(error);
      if (errno === 'ENOTEMPTY' || errno === 'EEXIST') return false;
      if (errno === 'EPERM' && fs.existsSync(to)) return false;
      throw error;
    }
  },
  removeTree: (path) => promises.rm(path, { recursive: true, force: true }),
  copy: (from, to) => promises.copyFile(from, to),
  makeTemporaryFolder: () => promises.mkdtemp(join(tmpdir(), 'stowage-')),
  isReadable: (path) => isAccessible(path, fs.constants.R_OK),
  isWritable: (path) => isAccessible(path, fs.constants.W_OK),
  async identify(folder) {
    const { dev, ino } = await promises.stat(folder, { bigint: true });
    return `${dev}:${ino}`;
  },
  fileSystemType: async (path) => (await promises.statfs(path)).type,
  async freeSpace(path) {
    const { bavail, bsize } = await promises.statfs(path);
    return bavail * bsize;
  },
  sync: syncFiles,
};

/** How often, and after how many milliseconds, a rename is tried again that Windows refuses. */
const RENAME_ATTEMPTS = 20;
const RENAME_PAUSE = 25;

/** Blocks while it waits: inside a transaction there is nothing else to do. */
function renameSync(from: string, to: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      return fs.renameSync(from, to);
    } catch (error) {
      if (!mayPass(error, attempt)) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RENAME_PAUSE);
    }
  }
}

/** On Windows nothing can be replaced that somebody has open just now, be it a reader or a scanner for viruses. */
function mayPass(error: unknown, attempt: number): boolean {
  if (platform() !== 'win32' || attempt >= RENAME_ATTEMPTS) return false;
  return ['EPERM', 'EBUSY', 'EACCES'].includes(errnoOf(error) ?? '');
}

async function isAccessible(path: string, mode: number): Promise<boolean> {
  try {
    await promises.access(path, mode);
    return true;
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EACCES' && errno !== 'EROFS' && errno !== 'EPERM') return missing(error, true);
    return false;
  }
}

function factsOf(stats: fs.BigIntStats | undefined): FileFacts | undefined {
  if (stats === undefined) return undefined;
  return {
    size: Number(stats.size),
    inode: `${stats.dev}:${stats.ino}`,
    modified: `${stats.mtimeNs}`,
    isFolder: stats.isDirectory(),
    isFile: stats.isFile(),
    mode: Number(stats.mode & 0o7777n),
  };
}

function missing<T>(error: unknown, answer: T): T {
  if (errnoOf(error) === 'ENOENT') return answer;
  throw error;
}
