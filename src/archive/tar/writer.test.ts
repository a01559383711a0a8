import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isStowageError } from '../../errors.js';
import { BLOCK_SIZE, END_OF_ARCHIVE, encodeHeader, paddingFor, readTar } from './index.js';
import type { TarEntry, TarHeaderFields } from './index.js';

const corpus = path.resolve(
  process.env.CORPUS_DIR ?? '../shared/corpus',
  'vbatts_tar-split/archive/tar/testdata',
);

async function entryOf(fields: TarHeaderFields): Promise<TarEntry> {
  const size = fields.size ?? 0;
  const entries: TarEntry[] = [];
  for await (const entry of readTar([
    encodeHeader(fields),
    new Uint8Array(size + paddingFor(size)),
    END_OF_ARCHIVE,
  ])) {
    entries.push(entry);
  }
  expect(entries.length).toBe(1);
  return entries[0] as TarEntry;
}

function field(block: Uint8Array, start: number, length: number): string {
  return Buffer.from(block.subarray(start, start + length)).toString('latin1');
}

describe('encodeHeader', () => {
  it('lays out a blob as containerd does', () => {
    const block = encodeHeader({ name: `blobs/sha256/${'a'.repeat(64)}`, mode: 0o444, size: 1234 });
    expect(block.length).toBe(BLOCK_SIZE);
    expect(field(block, 0, 100)).toBe(`blobs/sha256/${'a'.repeat(64)}`.padEnd(100, '\0'));
    expect(field(block, 100, 24)).toBe('0000444\x000000000\x000000000\0');
    expect(field(block, 124, 24)).toBe('00000002322\x0000000000000\0');
    expect(field(block, 148, 8)).toMatch(/^[0-7]{6}\0 $/);
    expect(field(block, 156, 1)).toBe('0');
    expect(field(block, 157, 100)).toBe('\0'.repeat(100));
    expect(field(block, 257, 8)).toBe('ustar\x0000');
    expect(field(block, 265, 64)).toBe('\0'.repeat(64));
    expect(field(block, 329, 16)).toBe('0000000\x000000000\0');
    expect(field(block, 345, 167)).toBe('\0'.repeat(167));
    const sum = block.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
    expect(Number.parseInt(field(block, 148, 6), 8)).toBe(sum);
  });

  it('lays out a directory as containerd does', () => {
    const block = encodeHeader({ name: 'blobs/sha256/', type: 'directory', mode: 0o755 });
    expect(field(block, 0, 108)).toBe(`${'blobs/sha256/'.padEnd(100, '\0')}0000755\0`);
    expect(field(block, 156, 1)).toBe('5');
  });

  it.skipIf(!existsSync(corpus))('writes the bytes of Go (skipped where the corpus is absent)', () => {
    const directory = encodeHeader({ name: '123456789/'.repeat(30), type: 'directory', mode: 0 });
    const trailingSlash = Buffer.concat([directory, END_OF_ARCHIVE]);
    expect(trailingSlash.equals(readFileSync(path.join(corpus, 'trailing-slash.tar')))).toBe(true);

    const small = encodeHeader({ name: 'small.txt', mode: 0, size: 5 });
    const dir = encodeHeader({ name: 'dir/', type: 'directory', mode: 0 });
    const content = Buffer.from('Kilts'.padEnd(512, '\0'));
    const fileAndDir = Buffer.concat([small, content, dir, END_OF_ARCHIVE]);
    expect(fileAndDir.equals(readFileSync(path.join(corpus, 'file-and-dir.tar')))).toBe(true);
  });

  it('cuts a long name into prefix and name where it can, and writes a PAX record where it cannot', async () => {
    const splittable = `${'d'.repeat(150)}/${'f'.repeat(100)}`;
    expect(encodeHeader({ name: splittable, mode: 0 }).length).toBe(BLOCK_SIZE);
    const sha512 = `blobs/sha512/${'e'.repeat(128)}`;
    const blocks = encodeHeader({ name: sha512, mode: 0o444 });
    expect(blocks.length).toBe(3 * BLOCK_SIZE);
    expect(field(blocks, 0, 100)).toBe(`blobs/sha512/PaxHeaders.0/${'e'.repeat(74)}`);
    expect(field(blocks, 512, 512)).toBe(`151 path=${sha512}\n`.padEnd(512, '\0'));
    expect(field(blocks, 1024, 100)).toBe(sha512.slice(0, 100));
    for (const name of [splittable, sha512, 'ä/ö', '用户名'])
      expect((await entryOf({ name, mode: 0 })).name).toBe(name);
  });

  it('writes sizes up to 8 GiB in the header and larger ones in a PAX record', () => {
    const largest = 2 ** 33 - 1;
    expect(field(encodeHeader({ name: 'a', mode: 0, size: largest }), 124, 12)).toBe('77777777777\0');
    const blocks = encodeHeader({ name: 'a', mode: 0, size: largest + 1 });
    expect(field(blocks, 512, 20)).toBe('19 size=8589934592\n\0');
    expect(field(blocks, 1024 + 124, 12)).toBe('00000000000\0');
  });

  it('keeps everything a reader can be told', async () => {
    const fields: TarHeaderFields = {
      name: 'dev',
      type: 'character-device',
      mode: 0o4755,
      uid: 2 ** 40,
      gid: 100_000,
      mtime: { seconds: -5, nanoseconds: 1 },
      uname: 'u'.repeat(40),
      gname: 'grüppe',
      devMajor: 5,
      devMinor: 2_097_151,
      pax: new Map([['SCHILY.xattr.user.a', Uint8Array.of(0, 255, 10, 61)]]),
    };
    expect(await entryOf(fields)).toMatchObject({ ...fields, pax: expect.any(Map) });
    expect((await entryOf(fields)).pax.get('SCHILY.xattr.user.a')).toEqual(Uint8Array.of(0, 255, 10, 61));
    const link: TarHeaderFields = { name: 'l', type: 'symlink', mode: 0o777, linkName: 'x'.repeat(200) };
    expect(await entryOf(link)).toMatchObject(link);
  });

  it('refuses what no reader could take', () => {
    const refused: Partial<TarHeaderFields>[] = [
      { name: 'a\0b' },
      { name: '\ud800' },
      { name: 'file/' },
      { linkName: '\0' },
      { mode: -1 },
      { mode: 2 ** 21 },
      { size: 1.5 },
      { size: 2 ** 53 },
      { uid: Number.NaN },
      { devMajor: 2 ** 21 },
      { type: 'directory', size: 1 },
      { mtime: { seconds: 0.5, nanoseconds: 0 } },
      { mtime: { seconds: 0, nanoseconds: 1e9 } },
      { pax: new Map([['size', Buffer.from('1')]]) },
      { pax: new Map([['GNU.sparse.major', Buffer.from('1')]]) },
      { pax: new Map([['a=b', Buffer.from('1')]]) },
      { pax: new Map([['comment', Buffer.alloc(2 ** 20)]]) },
    ];
    for (const fields of refused) {
      let error: unknown;
      try {
        encodeHeader({ name: 'a', mode: 0, ...fields });
      } catch (caught) {
        error = caught;
      }
      expect(isStowageError(error, 'INVALID'), JSON.stringify(fields)).toBe(true);
      expect((error as Error).message).toMatch(/^Cannot write tar entry "/);
    }
  });
});

describe('paddingFor', () => {
  it('fills the last block, also of sizes past 32 bits', () => {
    expect([0, 1, 511, 512, 513, 2 ** 40 + 3].map(paddingFor)).toEqual([0, 511, 1, 0, 511, 509]);
  });
});
