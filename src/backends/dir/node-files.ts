import * as fs from 'node:fs';
import { platform, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf } from '../../errors.js';
import type { FileFacts, Files, SyncFiles } from './files.js';

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

/**
 * The files of this machine. What only looks at one name is asked for at once and not of another thread: the system
 * answers in a fraction of the time that takes.
 */
export const nodeFiles: Files = {
  open: (path, flags, mode) => fs.promises.open(path, flags, mode),
  async stat(path) {
    try {
      return factsOf(fs.statSync(path, { bigint: true }));
    } catch (error) {
      return missing(error, undefined);
    }
  },
  async lstat(path) {
    try {
      return factsOf(fs.lstatSync(path, { bigint: true }));
    } catch (error) {
      return missing(error, undefined);
    }
  },
  async readText(path) {
    try {
      return await fs.promises.readFile(path, 'utf8');
    } catch (error) {
      return missing(error, undefined);
    }
  },
  createText: (path, content) => fs.promises.writeFile(path, content, { flag: 'wx' }),
  async replaceText(path, content) {
    await fs.promises.writeFile(`${path}.new`, content, { flush: true });
    for (let attempt = 1; ; attempt++) {
      try {
        return await fs.promises.rename(`${path}.new`, path);
      } catch (error) {
        if (!mayPass(error, attempt)) throw error;
        await sleep(RENAME_PAUSE);
      }
    }
  },
  async makeFolder(path) {
    try {
      await fs.promises.mkdir(path);
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
      return await fs.promises.readdir(folder);
    } catch (error) {
      return missing(error, []);
    }
  },
  async unlink(path) {
    try {
      await fs.promises.unlink(path);
      return true;
    } catch (error) {
      return missing(error, false);
    }
  },
  async renameFolder(from, to) {
    try {
      await fs.promises.rename(from, to);
      return true;
    } catch (error) {
      // Windows says that it is not permitted, also where the other one is empty.
      const errno = errnoOf(error);
      if (errno === 'ENOTEMPTY' || errno === 'EEXIST') return false;
      if (errno === 'EPERM' && fs.existsSync(to)) return false;
      throw error;
    }
  },
  removeTree: (path) => fs.promises.rm(path, { recursive: true, force: true }),
  copy: (from, to) => fs.promises.copyFile(from, to),
  makeTemporaryFolder: () => fs.promises.mkdtemp(join(tmpdir(), 'stowage-')),
  isReadable: (path) => isAccessible(path, fs.constants.R_OK),
  isWritable: (path) => isAccessible(path, fs.constants.W_OK),
  async identify(folder) {
    const { dev, ino } = fs.statSync(folder, { bigint: true });
    return `${dev}:${ino}`;
  },
  fileSystemType: async (path) => fs.statfsSync(path).type,
  async freeSpace(path) {
    const { bavail, bsize } = fs.statfsSync(path);
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
    fs.accessSync(path, mode);
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
