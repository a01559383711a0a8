import { describe, expect, it } from 'vitest';
import { isStowageError } from '../../errors.js';
import { decodeHeader, hasValidChecksum } from './header.js';
import { encodeHeader } from './index.js';
import { formatNumeric } from './numeric.js';

const place = { archive: undefined, offset: 0 };

/** A header with some fields overwritten, and its checksum mended. */
function patched(patches: Record<number, Uint8Array | string>, signed = false): Uint8Array {
  const block = new Uint8Array(encodeHeader({ name: 'name', mode: 0o644, size: 5, uname: 'u', gname: 'g' }));
  for (const [start, bytes] of Object.entries(patches))
    block.set(Buffer.from(bytes as string, 'latin1'), Number(start));
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + (signed && byte > 127 ? byte - 256 : byte), 0);
  block.set(Buffer.from(`${sum.toString(8).padStart(6, '0')}\0 `), 148);
  return block;
}

const base256 = (value: bigint, width: number): Uint8Array =>
  formatNumeric(value, width) ?? new Uint8Array(0);

describe('hasValidChecksum', () => {
  it('accepts sums of unsigned and of signed bytes, and no other', () => {
    const block = patched({ 0: '\xff\xfe' });
    expect(hasValidChecksum(block)).toBe(true);
    expect(hasValidChecksum(patched({ 0: '\xff\xfe' }, true))).toBe(true);
    block[3] = (block[3] ?? 0) + 1;
    expect(hasValidChecksum(block)).toBe(false);
    block.fill(0x39, 148, 156);
    expect(hasValidChecksum(block)).toBe(false);
  });
});

describe('decodeHeader', () => {
  it('reads numbers past octal in base-256', () => {
    const header = decodeHeader(
      patched({ 124: base256(2n ** 40n, 12), 108: base256(-7n, 8), 136: base256(-(2n ** 36n), 12) }),
      place,
    );
    expect(header).toMatchObject({ size: 2 ** 40, uid: -7, mtime: -(2 ** 36) });
  });

  it('refuses a negative size, and numbers past 2^53 by their limit', () => {
    const decode = (patches: Record<number, Uint8Array | string>) => () =>
      decodeHeader(patched(patches), place);
    expect(decode({ 124: base256(-1n, 12) })).toThrow(/header of entry "name" at byte 0 has a negative size/);
    expect(decode({ 124: base256(2n ** 53n - 1n, 12) })).not.toThrow();
    for (const size of [2n ** 53n, 2n ** 62n]) {
      try {
        decode({ 124: base256(size, 12) })();
        expect.unreachable();
      } catch (error) {
        expect(isStowageError(error, 'LIMIT_EXCEEDED')).toBe(true);
      }
    }
    expect(decode({ 124: '12345678x00\0' })).toThrow(/has a malformed size/);
  });

  it('joins the prefix of ustar and of star, and sees none in GNU headers', () => {
    const prefix = 'some/where\0';
    expect(decodeHeader(patched({ 345: prefix }), place).name).toBe('some/where/name');
    const star = {
      257: 'ustar\x0000',
      345: prefix,
      476: '00000000007\0',
      488: '00000000010\0',
      508: 'tar\0',
    };
    expect(decodeHeader(patched(star), place)).toMatchObject({ name: 'some/where/name', atime: 7, ctime: 8 });
    const gnu = { 257: 'ustar  \0', 345: '00000000007\x0000000000010\0' };
    expect(decodeHeader(patched(gnu), place)).toMatchObject({ name: 'name', atime: 7, ctime: 8 });
  });

  it('takes a header without magic for version 7, whatever follows the link name', () => {
    const header = decodeHeader(patched({ 257: '\0\0\0\0\0\0\0\0', 329: 'rubbish!', 345: 'prefix' }), place);
    expect(header).toMatchObject({ name: 'name', uname: '', gname: '', devMajor: 0, size: 5 });
  });

  it('keeps names that are not UTF-8 apart, and characters cut by the prefix together', () => {
    expect(decodeHeader(patched({ 0: 'a\xff' }), place).name).not.toBe(
      decodeHeader(patched({ 0: 'a\xfe' }), place).name,
    );
    const [first = '', second = ''] = Buffer.from('ü').toString('latin1');
    expect(decodeHeader(patched({ 345: `${first}${second}`, 0: 'ame' }), place).name).toBe('ü/amee');
  });
});
