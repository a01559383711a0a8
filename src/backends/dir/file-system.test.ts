import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { unsafeFileSystem } from './file-system.js';

describe('file systems', () => {
  it('that are of a network are known by their number, with or without a sign', () => {
    assert.equal(unsafeFileSystem(0x6969), 'NFS');
    assert.equal(unsafeFileSystem(0xff534d42), 'CIFS');
    assert.equal(unsafeFileSystem(0xff534d42 - 0x1_0000_0000), 'CIFS');
    assert.equal(unsafeFileSystem(0x01021997), '9p');
    assert.equal(unsafeFileSystem(0x65735546), 'FUSE or virtiofs');
  });

  it('that are local are fine', () => {
    const local = {
      ext4: 0xef53,
      btrfs: 0x9123683e,
      xfs: 0x58465342,
      tmpfs: 0x01021994,
      overlay: 0x794c7630,
    };
    for (const [name, type] of Object.entries(local)) assert.equal(unsafeFileSystem(type), undefined, name);
  });
});
