import { StowageError } from '../../errors.js';

/**
 * File systems on which the locks that keep several processes apart are missing, local to one machine, or lost on a
 * break of the connection. Numbers as statfs(2) of Linux has them; other systems number otherwise.
 */
const UNSAFE: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0x517b, 'SMB'],
  [0xfe534d42, 'SMB2'],
  [0xff534d42, 'CIFS'],
  [0x01021997, '9p'],
  [0x65735546, 'FUSE or virtiofs'],
  [0x5346414f, 'AFS'],
  [0x00c36400, 'Ceph'],
]);

/** The name of a file system no store may be on, by its number; undefined for any other. */
export function unsafeFileSystem(type: number): string | undefined {
  return UNSAFE.get(type < 0 ? type + 0x1_0000_0000 : type);
}

/** @throws {StowageError} UNSUPPORTED if the file system of that number cannot hold a store. */
export function checkFileSystem(type: number, root: string): void {
  const name = unsafeFileSystem(type);
  if (name === undefined) return;
  throw new StowageError(
    'UNSUPPORTED',
    `Cannot open a store at ${JSON.stringify(root)}: it is on a network file system (${name}), where the locks ` +
      'that protect its metadata do not hold',
    {
      detail: { root, fileSystem: name },
      hint: 'use a folder on a local disk, or allow it explicitly if only one process at a time uses the store',
    },
  );
}
