/** From entries to the bytes of a tar, with mutations that only a tar can have. */
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '../../src/archive/tar/index.js';
import { isStowageError } from '../../src/errors.js';
import type { Random } from './random.js';
import type { Member } from './seeds.js';

const BLOCK = 512;
type Field = readonly [start: number, length: number];
const NAME: Field = [0, 100];
const SIZE: Field = [124, 12];
const CHECKSUM: Field = [148, 8];
const TYPEFLAG = 156;
const LINK: Field = [157, 100];
const FIELDS: readonly Field[] = [
  NAME,
  [100, 8],
  [108, 8],
  [116, 8],
  SIZE,
  [136, 12],
  CHECKSUM,
  [TYPEFLAG, 1],
  LINK,
  [257, 8],
  [265, 32],
  [329, 8],
  [337, 8],
  [345, 155],
  [476, 36],
];
const NUMBERS: readonly (string | Buffer)[] = [
  '00000000000\0',
  '77777777777\0',
  '777777777777',
  '-0000000001\0',
  '           0',
  '            ',
  '0x000000001\0',
  '99999999999\0',
  Buffer.from('ffffffffffffffffffffffff', 'hex'),
  Buffer.from('80ffffffffffffffffffffff', 'hex'),
  Buffer.from('80000000001fffffffffffff', 'hex'),
  Buffer.from('800000000020000000000000', 'hex'),
  Buffer.from('800000000000000100000000', 'hex'),
  Buffer.alloc(12),
];
const RECORDS: readonly string[] = [
  'path=../../outside',
  'path=index.json',
  'path=',
  'path=a\0b',
  'size=1',
  'size=0',
  'size=-1',
  'size=9007199254740993',
  'size=4294967297',
  'size=1e3',
  'linkpath=/etc/passwd',
  'GNU.sparse.major=1',
  'GNU.sparse.realsize=99999999999',
  'GNU.sparse.name=index.json',
  'mtime=-1.5',
  'mtime=x',
  'uid=99999999999999999999',
  'SCHILY.xattr.user.a=\0\0',
  'comment=ünïcode',
];

/** The entries as a tar, sometimes with something wrong about it. */
export function tarOfMembers(members: readonly Member[], random: Random): Buffer {
  const hostile = random.chance(0.5);
  const parts = members.flatMap((member): Buffer[] => {
    let header = headerOf(member);
    if (hostile && random.chance(0.15)) header = mutateHeader(header, random);
    if (hostile && random.chance(0.06)) header = Buffer.concat([metaHeader(random), header]);
    return [header, member.content, Buffer.alloc(paddingFor(member.content.byteLength))];
  });
  const tar = Buffer.concat([...parts, ...endOf(random)]);
  return hostile && random.chance(0.5) ? mutateBytes(tar, random) : tar;
}

function endOf(random: Random): Uint8Array[] {
  if (random.chance(0.9)) return [END_OF_ARCHIVE];
  return random.pick([[], [Buffer.alloc(BLOCK)], [END_OF_ARCHIVE, Buffer.alloc(random.int(9000))]]);
}

/** As it is to be written; a plain block with the raw name where our own writer refuses. */
function headerOf(member: Member): Buffer {
  const { name, typeflag, linkName, content } = member;
  const plain = { mode: 0o644, name: 'x', size: content.byteLength };
  let header: Buffer;
  try {
    header = Buffer.from(encodeHeader({ ...plain, name, linkName }));
  } catch (error) {
    if (!isStowageError(error)) throw error;
    header = Buffer.from(encodeHeader(plain));
    header.fill(0, NAME[0], NAME[1]).write(name, NAME[0], NAME[1]);
    header.write(linkName, LINK[0], LINK[1]);
  }
  header[header.byteLength - BLOCK + TYPEFLAG] = typeflag.charCodeAt(0);
  return withChecksum(header, header.byteLength - BLOCK);
}

function mutateHeader(header: Buffer, random: Random): Buffer {
  const mutated = Buffer.from(header);
  const start = BLOCK * random.int(mutated.byteLength / BLOCK);
  const [at, length] = random.chance(0.4) ? SIZE : random.pick(FIELDS);
  const value = random.chance(0.7) ? Buffer.from(random.pick(NUMBERS)) : random.bytes(length);
  value.copy(mutated, start + at, 0, length);
  return random.chance(0.9) ? withChecksum(mutated, start) : mutated;
}

/** An extended header of PAX or a long name of GNU, in front of whatever follows. */
function metaHeader(random: Random): Buffer {
  const typeflag = random.pick(['x', 'x', 'x', 'g', 'L', 'K']);
  const text = random.pick(RECORDS);
  const content = Buffer.from(typeflag === 'x' || typeflag === 'g' ? record(text, random) : `${text}\0`);
  const header = headerOf({ name: 'meta', typeflag, linkName: '', content });
  return Buffer.concat([header, content, Buffer.alloc(paddingFor(content.byteLength))]);
}

function record(text: string, random: Random): string {
  const length = Buffer.byteLength(text) + 2;
  const total = length + String(length + 2).length;
  return random.chance(0.85) ? `${total} ${text}\n` : `${random.int(300)} ${text}`;
}

function mutateBytes(tar: Buffer, random: Random): Buffer {
  const at = random.int(tar.byteLength);
  const block = at - (at % BLOCK);
  switch (random.int(7)) {
    case 0:
      return tar.subarray(0, at);
    case 1:
      return tar.subarray(0, block);
    case 2: {
      const copy = Buffer.from(tar);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.int(8));
      return copy;
    }
    case 3:
      return Buffer.concat([tar.subarray(0, block), tar.subarray(block + BLOCK)]);
    case 4:
      return Buffer.concat([tar.subarray(0, block), Buffer.alloc(BLOCK), tar.subarray(block)]);
    case 5:
      return Buffer.concat([tar, tar.subarray(block)]);
    default:
      return Buffer.concat([tar.subarray(0, block), random.bytes(BLOCK), tar.subarray(block)]);
  }
}

function withChecksum(header: Buffer, start: number): Buffer {
  header.fill(' ', start + CHECKSUM[0], start + CHECKSUM[0] + CHECKSUM[1]);
  const sum = header.subarray(start, start + BLOCK).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, start + CHECKSUM[0], 'latin1');
  return header;
}
