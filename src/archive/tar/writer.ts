import { posix } from 'node:path';
import { StowageError } from '../../errors.js';
import { paddingFor } from './block.js';
import { hasContent } from './entry.js';
import type { EntryType, TarTime } from './entry.js';
import { encodeBlock } from './header.js';
import { MAX_META_BYTES } from './meta-headers.js';
import { fitsInOctal } from './numeric.js';
import { formatPaxRecord, formatPaxTime } from './pax.js';
import { quote } from './text.js';

/** What a header says; fields left out are 0 or empty. */
export interface TarHeaderFields {
  readonly name: string;
  /** @default 'file' */
  readonly type?: Exclude<EntryType, 'sparse' | 'other'>;
  /** Bytes of content that will follow. */
  readonly size?: number;
  readonly mode: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly mtime?: TarTime;
  readonly linkName?: string;
  readonly uname?: string;
  readonly gname?: string;
  readonly devMajor?: number;
  readonly devMinor?: number;
  /** Further PAX records, such as `SCHILY.xattr.user.name`; not those that a field above stands for. */
  readonly pax?: ReadonlyMap<string, Uint8Array>;
}

const TYPEFLAGS: Readonly<Record<Exclude<EntryType, 'sparse' | 'other'>, string>> = {
  file: '0',
  'hard-link': '1',
  symlink: '2',
  'character-device': '3',
  'block-device': '4',
  directory: '5',
  fifo: '6',
  contiguous: '7',
};

/** PAX keys that stand for a field of {@link TarHeaderFields}. */
const FIELD_KEYS: ReadonlySet<string> = new Set([
  'path',
  'linkpath',
  'size',
  'uid',
  'gid',
  'uname',
  'gname',
  'mtime',
]);

const NAME_LENGTH = 100;
const PREFIX_LENGTH = 155;
const OWNER_LENGTH = 32;
const NONE = new Uint8Array(0);
const EPOCH: TarTime = { seconds: 0, nanoseconds: 0 };

/**
 * The header of an entry, one or more blocks: a ustar block, and where that cannot hold a value, a PAX extended
 * header in front of it with what it cannot. The content, `paddingFor` its size, and `END_OF_ARCHIVE` after the last
 * entry are the caller's to write. The same fields always give the same bytes; where Go's archive/tar (containerd's
 * writer) would choose ustar or PAX as well, they are its bytes.
 *
 * @throws {StowageError} INVALID for what no reader could take: a NUL or half a character in text, a number that is
 *   negative, not whole or past its field where PAX has no record for it, content for a type that has none, a name
 *   of a file that ends in a slash.
 */
export function encodeHeader(fields: TarHeaderFields): Uint8Array {
  const type = fields.type ?? 'file';
  const fail: Fail = (what) => {
    throw new StowageError('INVALID', `Cannot write tar entry ${quote(fields.name)}: ${what}`, {
      detail: { entry: fields.name },
    });
  };
  const records = new Map<string, Uint8Array>();
  const text = (key: string, value: string, length: number): Uint8Array =>
    textField(key, value, length, records, fail);
  const number = (key: string | undefined, value: number): number =>
    numberField(key, value, 8, records, fail);

  if (fields.name.endsWith('/') && !MAY_END_IN_SLASH.has(type)) fail(`the name of a ${type} ends in a slash`);
  const size = fields.size ?? 0;
  if (size !== 0 && !hasContent(type)) fail(`an entry of type ${type} has no content`);
  const header = {
    typeflag: TYPEFLAGS[type],
    mode: number(undefined, fields.mode),
    uid: number('uid', fields.uid ?? 0),
    gid: number('gid', fields.gid ?? 0),
    size: numberField('size', size, 12, records, fail),
    mtime: timeField(fields.mtime ?? EPOCH, records, fail),
    linkName: text('linkpath', fields.linkName ?? '', NAME_LENGTH),
    uname: text('uname', fields.uname ?? '', OWNER_LENGTH),
    gname: text('gname', fields.gname ?? '', OWNER_LENGTH),
    devMajor: number(undefined, fields.devMajor ?? 0),
    devMinor: number(undefined, fields.devMinor ?? 0),
  };
  for (const [key, value] of fields.pax ?? []) {
    if (FIELD_KEYS.has(key) || key.startsWith('GNU.sparse.'))
      fail(`PAX record ${quote(key)} is not for callers`);
    records.set(key, value);
  }

  // A prefix is for readers without PAX: beside an extended header the whole name goes into a record.
  const split = records.size === 0 ? splitName(fields.name) : undefined;
  if (split !== undefined) {
    return encodeBlock({ ...header, name: Buffer.from(split.suffix), prefix: Buffer.from(split.prefix) });
  }
  const name = text('path', fields.name, NAME_LENGTH);
  const block = encodeBlock({ ...header, name, prefix: NONE });
  return records.size === 0 ? block : Buffer.concat([extendedHeader(fields.name, records, fail), block]);
}

/**
 * Where a name of more than 100 bytes is cut into ustar's prefix and name: at the last slash that leaves at most 155
 * bytes in front of it. Undefined for shorter names, names not in ASCII and those without such a slash.
 */
export function splitName(name: string): { prefix: string; suffix: string } | undefined {
  if (name.length <= NAME_LENGTH || !isAscii(name)) return undefined;
  // A slash at the very end would leave no suffix.
  const slash = name.lastIndexOf('/', Math.min(PREFIX_LENGTH, name.length - 2));
  const suffix = name.slice(slash + 1);
  return slash <= 0 || suffix.length > NAME_LENGTH ? undefined : { prefix: name.slice(0, slash), suffix };
}

type Fail = (what: string) => never;
type Records = Map<string, Uint8Array>;

/** Links may name directories. */
const MAY_END_IN_SLASH: ReadonlySet<EntryType> = new Set<EntryType>(['directory', 'hard-link', 'symlink']);

function textField(key: string, value: string, length: number, records: Records, fail: Fail): Uint8Array {
  if (value.includes('\0')) return fail(`its ${key} contains a NUL`);
  if (/\p{Surrogate}/u.test(value)) return fail(`its ${key} contains half a character`);
  if (value.length <= length && isAscii(value)) return Buffer.from(value);
  records.set(key, Buffer.from(value));
  return asciiPart(value, length);
}

function numberField(
  key: string | undefined,
  value: number,
  width: number,
  records: Records,
  fail: Fail,
): number {
  if (!Number.isSafeInteger(value) || value < 0)
    return fail(`${value} is not a whole number from 0 to 2^53 - 1`);
  if (fitsInOctal(BigInt(value), width)) return value;
  if (key === undefined) return fail(`${value} is too large for the header`);
  records.set(key, Buffer.from(String(value)));
  return 0;
}

function timeField(time: TarTime, records: Records, fail: Fail): number {
  const { seconds, nanoseconds } = time;
  if (
    !Number.isSafeInteger(seconds) ||
    !Number.isInteger(nanoseconds) ||
    nanoseconds < 0 ||
    nanoseconds >= 1e9
  ) {
    return fail('its mtime is not a time in whole seconds and nanoseconds');
  }
  const fits = fitsInOctal(BigInt(seconds), 12);
  if (!fits || nanoseconds !== 0) records.set('mtime', Buffer.from(formatPaxTime(time)));
  return fits ? seconds : 0;
}

/** What a reader without PAX gets to see of a text: its ASCII characters, as many as fit. */
function asciiPart(value: string, length: number): Buffer {
  const ascii = value.replace(/[^\0-\x7f]/gu, '');
  // Some readers take any name with a slash at its end for a directory.
  return Buffer.from(ascii.length > length ? ascii.slice(0, length).replace(/\/+$/, '') : ascii);
}

function extendedHeader(name: string, records: Records, fail: Fail): Uint8Array {
  const encoded = [...records.keys()]
    .sort()
    .map(
      (key) =>
        formatPaxRecord(key, records.get(key) ?? NONE) ?? fail(`PAX record ${quote(key)} is malformed`),
    );
  const content = Buffer.concat(encoded);
  if (content.length > MAX_META_BYTES)
    fail(`its extended header has ${content.length} bytes, too many to be read`);
  const slash = name.lastIndexOf('/') + 1;
  const label = posix.join(name.slice(0, slash), 'PaxHeaders.0', name.slice(slash));
  const block = encodeBlock({
    name: Buffer.from(asciiPart(label, NAME_LENGTH).toString().replace(/\/+$/, '')),
    prefix: NONE,
    typeflag: 'x',
    size: content.length,
    mode: 0,
    uid: 0,
    gid: 0,
    mtime: 0,
    linkName: NONE,
    uname: NONE,
    gname: NONE,
    devMajor: undefined,
    devMinor: undefined,
  });
  return Buffer.concat([block, content, new Uint8Array(paddingFor(content.length))]);
}

function isAscii(value: string): boolean {
  return !/[^\0-\x7f]/u.test(value);
}
