import type { FileHandle } from 'node:fs/promises';

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
  FileHandle,
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
  /** A small file in the place of what was there, in one step; its bytes are on the disk before its name is. */
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
