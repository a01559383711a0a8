/**
 * One header block of 512 bytes, as it stands: version 7, ustar (POSIX), star and GNU layouts. What extended headers
 * change about it is in meta-headers.ts.
 */
import { BLOCK_SIZE } from './block.js';
import { formatOctal, parseNumeric } from './numeric.js';
import { headerError } from './tar-error.js';
import type { Place } from './tar-error.js';
import { decodeText, untilNul } from './text.js';

type Field = readonly [start: number, length: number];

/** Fields every layout has. */
const NAME: Field = [0, 100];
const MODE: Field = [100, 8];
const UID: Field = [108, 8];
const GID: Field = [116, 8];
const SIZE: Field = [124, 12];
const MTIME: Field = [136, 12];
const CHECKSUM: Field = [148, 8];
const TYPEFLAG = 156;
const LINK_NAME: Field = [157, 100];
/** ustar, star and GNU. */
const MAGIC: Field = [257, 8];
const UNAME: Field = [265, 32];
const GNAME: Field = [297, 32];
const DEV_MAJOR: Field = [329, 8];
const DEV_MINOR: Field = [337, 8];
const USTAR_PREFIX: Field = [345, 155];
const STAR_PREFIX: Field = [345, 131];
const STAR_ATIME: Field = [476, 12];
const STAR_CTIME: Field = [488, 12];
const STAR_TRAILER: Field = [508, 4];
const GNU_ATIME: Field = [345, 12];
const GNU_CTIME: Field = [357, 12];
const GNU_SPARSE_EXTENDED = 482;
const GNU_REAL_SIZE: Field = [483, 12];

export interface Header {
  readonly name: string;
  readonly typeflag: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly atime: number | undefined;
  readonly ctime: number | undefined;
  readonly linkName: string;
  readonly uname: string;
  readonly gname: string;
  readonly devMajor: number;
  readonly devMinor: number;
  /** Old GNU sparse files (type `S`): the size when expanded, and whether more of the map follows in a block. */
  readonly sparse: { readonly realSize: number; readonly extended: boolean } | undefined;
}

/** Whether the checksum is right; old writers summed up signed bytes, so that counts as well. */
export function hasValidChecksum(block: Uint8Array): boolean {
  const stated = parseNumeric(slice(block, CHECKSUM));
  if (stated === undefined) return false;
  const { unsigned, signed } = checksums(block);
  return stated === BigInt(unsigned) || stated === BigInt(signed);
}

/**
 * Reads a block whose checksum is right. `place` is for messages.
 *
 * @throws {StowageError} INVALID if a number is malformed or a size is negative; LIMIT_EXCEEDED if a number is past
 *   2^53, where it would no longer be exact.
 */
export function decodeHeader(block: Uint8Array, place: Place): Header {
  const layout = layoutOf(block);
  const base = baseName(block);
  const at = { ...place, entry: decodeText(base) };
  const number = (what: string, field: Field): number => numberIn(block, field, what, at);
  const size = number('size', SIZE);
  if (size < 0) throw headerError('INVALID', at, 'has a negative size');
  const typeflag = String.fromCharCode(block[TYPEFLAG] ?? 0);
  const header: Header = {
    name: at.entry,
    typeflag,
    size,
    mode: number('mode', MODE),
    uid: number('uid', UID),
    gid: number('gid', GID),
    mtime: number('mtime', MTIME),
    atime: undefined,
    ctime: undefined,
    linkName: text(block, LINK_NAME),
    uname: '',
    gname: '',
    devMajor: 0,
    devMinor: 0,
    sparse: undefined,
  };
  if (layout === 'v7') return header;
  const extended: Header = {
    ...header,
    uname: text(block, UNAME),
    gname: text(block, GNAME),
    devMajor: number('device number', DEV_MAJOR),
    devMinor: number('device number', DEV_MINOR),
  };
  switch (layout) {
    case 'ustar':
      return { ...extended, name: joined(untilNul(slice(block, USTAR_PREFIX)), base) };
    case 'star':
      return {
        ...extended,
        name: joined(untilNul(slice(block, STAR_PREFIX)), base),
        atime: number('atime', STAR_ATIME),
        ctime: number('ctime', STAR_CTIME),
      };
    case 'gnu':
      return { ...extended, ...gnuFields(block, typeflag, base, at) };
  }
}

/** What {@link encodeBlock} writes; every number must fit its field in octal. */
export interface EncodableHeader {
  readonly name: Uint8Array;
  readonly prefix: Uint8Array;
  readonly typeflag: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly linkName: Uint8Array;
  readonly uname: Uint8Array;
  readonly gname: Uint8Array;
  /** Undefined leaves the field blank. */
  readonly devMajor: number | undefined;
  readonly devMinor: number | undefined;
}

/** The ustar block of a header. Text longer than its field is cut. */
export function encodeBlock(header: EncodableHeader): Uint8Array {
  const block = new Uint8Array(BLOCK_SIZE);
  const put = ([start, length]: Field, bytes: Uint8Array): void => {
    block.set(bytes.subarray(0, length), start);
  };
  const putNumber = (field: Field, value: number | undefined): void => {
    if (value !== undefined) put(field, octal(value, field[1]));
  };
  put(NAME, header.name);
  putNumber(MODE, header.mode);
  putNumber(UID, header.uid);
  putNumber(GID, header.gid);
  putNumber(SIZE, header.size);
  putNumber(MTIME, header.mtime);
  block[TYPEFLAG] = header.typeflag.charCodeAt(0);
  put(LINK_NAME, header.linkName);
  put(MAGIC, Buffer.from('ustar\x0000', 'latin1'));
  put(UNAME, header.uname);
  put(GNAME, header.gname);
  putNumber(DEV_MAJOR, header.devMajor);
  putNumber(DEV_MINOR, header.devMinor);
  put(USTAR_PREFIX, header.prefix);
  // Six digits, a NUL and a space: the one field that is laid out in its own way.
  put(CHECKSUM, octal(checksums(block).unsigned, 7));
  block[CHECKSUM[0] + 7] = 0x20;
  return block;
}

function octal(value: number, width: number): Uint8Array {
  const field = formatOctal(BigInt(value), width);
  if (field === undefined) throw new RangeError(`${value} does not fit ${width - 1} octal digits`);
  return field;
}

/** The sums over the block with its checksum taken for spaces. */
function checksums(block: Uint8Array): { unsigned: number; signed: number } {
  const [start, length] = CHECKSUM;
  let unsigned = length * 0x20;
  let high = 0;
  for (let index = 0; index < BLOCK_SIZE; index += 1) {
    if (index === start) index += length;
    const byte = block[index] ?? 0;
    unsigned += byte;
    if (byte >= 0x80) high += 1;
  }
  return { unsigned, signed: unsigned - high * 256 };
}

function layoutOf(block: Uint8Array): 'v7' | 'ustar' | 'star' | 'gnu' {
  const magic = Buffer.from(slice(block, MAGIC)).toString('latin1');
  if (magic === 'ustar  \0') return 'gnu';
  if (!magic.startsWith('ustar\0')) return 'v7';
  return Buffer.from(slice(block, STAR_TRAILER)).toString('latin1') === 'tar\0' ? 'star' : 'ustar';
}

function gnuFields(block: Uint8Array, typeflag: string, base: Uint8Array, at: Place): Partial<Header> {
  const times = [GNU_ATIME, GNU_CTIME].map((field) => {
    const bytes = slice(block, field);
    return bytes[0] === 0 ? null : parseNumeric(bytes);
  });
  if (times.includes(undefined)) {
    // Go's writer before 1.8 put a ustar prefix where GNU has its times; such archives are still around.
    const prefix = untilNul(slice(block, USTAR_PREFIX));
    return prefix.every((byte) => byte < 0x80) ? { name: joined(prefix, base) } : {};
  }
  const [atime, ctime] = times.map((time) => (typeof time === 'bigint' ? safe(time, 'time', at) : undefined));
  const sparse =
    typeflag === 'S'
      ? {
          realSize: numberIn(block, GNU_REAL_SIZE, 'real size', at),
          extended: (block[GNU_SPARSE_EXTENDED] ?? 0) !== 0,
        }
      : undefined;
  return { atime, ctime, sparse };
}

function numberIn(block: Uint8Array, field: Field, what: string, at: Place): number {
  const value = parseNumeric(slice(block, field));
  if (value === undefined) throw headerError('INVALID', at, `has a malformed ${what}`);
  return safe(value, what, at);
}

function safe(value: bigint, what: string, at: Place): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw headerError('LIMIT_EXCEEDED', at, `has a ${what} of ${value}, larger than 2^53 - 1 is not supported`);
}

function slice(block: Uint8Array, [start, length]: Field): Uint8Array {
  return block.subarray(start, start + length);
}

function text(block: Uint8Array, field: Field): string {
  return decodeText(untilNul(slice(block, field)));
}

function baseName(block: Uint8Array): Uint8Array {
  return untilNul(slice(block, NAME));
}

function joined(prefix: Uint8Array, base: Uint8Array): string {
  // Joined as bytes: a character may not be cut in two by its encoding being judged part by part.
  return decodeText(prefix.length === 0 ? base : Buffer.concat([prefix, Buffer.from('/'), base]));
}
