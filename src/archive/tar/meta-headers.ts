/**
 * Headers that speak of other headers: PAX extended (`x`) and global (`g`), GNU long name (`L`) and long link (`K`).
 *
 * A later header of a kind replaces an earlier one of that kind; global records hold until another global header
 * replaces them key by key; a GNU long name wins over PAX, PAX over the header block, an extended header over a
 * global one. An empty PAX value means: as if no PAX record said it.
 */
import { entryType, hasContent } from './entry.js';
import type { TarEntry, TarTime } from './entry.js';
import type { Header } from './header.js';
import { parsePaxInteger, parsePaxRecords, parsePaxTime } from './pax.js';
import { headerError } from './tar-error.js';
import type { Place } from './tar-error.js';
import { decodeText, untilNul } from './text.js';

/** Content of one extended header or long name, in bytes. Real ones are smaller than 100 KiB. */
export const MAX_META_BYTES = 1024 * 1024;
/** Extended headers in front of one entry. Real archives have up to four. */
export const MAX_META_HEADERS = 16;
/** All content of global headers together, in bytes: their records are repeated for every entry. */
export const MAX_GLOBAL_BYTES = 64 * 1024;

export function isMetaHeader(header: Header): boolean {
  return ['x', 'g', 'L', 'K'].includes(header.typeflag);
}

type Records = ReadonlyMap<string, Uint8Array>;
const NO_RECORDS: Records = new Map();

export class MetaHeaders {
  #global: Records = NO_RECORDS;
  #globalBytes = 0;
  #local: Records = NO_RECORDS;
  #longName: string | undefined;
  #longLink: string | undefined;
  #pending = 0;
  #count = 0;

  /** Whether there were headers that speak of an entry still to come. */
  get pending(): boolean {
    return this.#pending > 0;
  }

  /**
   * To be asked before the content of a meta header is read.
   * @throws {StowageError} LIMIT_EXCEEDED if it, all global headers, or the row of them is too large.
   */
  admit(header: Header, place: Place): void {
    this.#count += 1;
    if (this.#count > MAX_META_HEADERS) {
      throw headerError(
        'LIMIT_EXCEEDED',
        place,
        `follows ${MAX_META_HEADERS} extended headers without an entry`,
      );
    }
    if (header.size > MAX_META_BYTES) {
      const what = `announces an extended header of ${header.size} bytes, the limit is ${MAX_META_BYTES}`;
      throw headerError('LIMIT_EXCEEDED', place, what);
    }
    if (header.typeflag !== 'g') return;
    this.#globalBytes += header.size;
    if (this.#globalBytes > MAX_GLOBAL_BYTES) {
      const what = `brings the global headers to ${this.#globalBytes} bytes, the limit is ${MAX_GLOBAL_BYTES}`;
      throw headerError('LIMIT_EXCEEDED', place, what);
    }
  }

  /** Takes a meta header with its content; `content` must not be written to afterwards. */
  accept(header: Header, content: Uint8Array, place: Place): void {
    switch (header.typeflag) {
      case 'L':
        this.#longName = decodeText(untilNul(content));
        break;
      case 'K':
        this.#longLink = decodeText(untilNul(content));
        break;
      case 'g':
        this.#global = overlay(this.#global, globalRecordsOf(content, place));
        return;
      default:
        this.#local = recordsOf(content, place);
    }
    this.#pending += 1;
  }

  /** The entry `header` stands for, with all that was said about it, and the bytes it takes up in the archive. */
  resolve(header: Header, dataOffset: number, place: Place): { entry: TarEntry; stored: number } {
    const local = this.#local;
    const pax = overlay(this.#global, local);
    const longName = this.#longName;
    const longLink = this.#longLink;
    this.#local = NO_RECORDS;
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#pending = 0;
    this.#count = 0;

    const sparseName = textOf(pax, 'GNU.sparse.name');
    const name = longName ?? sparseName ?? textOf(pax, 'path') ?? header.name;
    const at = { ...place, entry: name };
    const type = isSparse(header, local) ? 'sparse' : entryType(header.typeflag, name);
    const size = integerOf(pax, 'size', at) ?? header.size;
    if (size < 0) throw headerError('INVALID', at, 'has an extended header with a negative size');
    const stored = hasContent(type) ? size : 0;
    const entry: TarEntry = {
      name,
      type,
      typeflag: header.typeflag,
      size: type === 'sparse' ? (sparseSize(header, pax, at) ?? stored) : stored,
      mode: header.mode,
      uid: integerOf(pax, 'uid', at) ?? header.uid,
      gid: integerOf(pax, 'gid', at) ?? header.gid,
      mtime: timeOf(pax, 'mtime', at) ?? { seconds: header.mtime, nanoseconds: 0 },
      atime: timeOf(pax, 'atime', at) ?? wholeSeconds(header.atime),
      ctime: timeOf(pax, 'ctime', at) ?? wholeSeconds(header.ctime),
      linkName: longLink ?? textOf(pax, 'linkpath') ?? header.linkName,
      uname: textOf(pax, 'uname') ?? header.uname,
      gname: textOf(pax, 'gname') ?? header.gname,
      devMajor: header.devMajor,
      devMinor: header.devMinor,
      pax,
      offset: place.offset,
      dataOffset,
    };
    return { entry, stored };
  }
}

function recordsOf(content: Uint8Array, place: Place): Records {
  const records = parsePaxRecords(content);
  if (records === undefined) throw headerError('INVALID', place, 'has a malformed PAX record');
  return records;
}

function globalRecordsOf(content: Uint8Array, place: Place): Records {
  const records = recordsOf(content, place);
  if (hasSparseKey(records)) throw headerError('INVALID', place, 'makes every entry a sparse file');
  return records;
}

function hasSparseKey(records: Records): boolean {
  return [...records.keys()].some((key) => key.startsWith('GNU.sparse.'));
}

function overlay(under: Records, over: Records): Records {
  if (over.size === 0) return under;
  return under.size === 0 ? over : new Map([...under, ...over]);
}

function textOf(pax: Records, key: string): string | undefined {
  const value = pax.get(key);
  return value === undefined || value.length === 0 ? undefined : decodeText(value);
}

function integerOf(pax: Records, key: string, at: Place): number | undefined {
  const text = textOf(pax, key);
  if (text === undefined) return undefined;
  const value = parsePaxInteger(text);
  if (Number.isNaN(value)) throw headerError('INVALID', at, `has an extended header with a malformed ${key}`);
  if (Number.isSafeInteger(value)) return value;
  const what = `has an extended header with a ${key} past 2^53 - 1, which is not supported`;
  throw headerError('LIMIT_EXCEEDED', at, what);
}

function timeOf(pax: Records, key: string, at: Place): TarTime | undefined {
  const text = textOf(pax, key);
  if (text === undefined) return undefined;
  const time = parsePaxTime(text);
  if (time === undefined) throw headerError('INVALID', at, `has an extended header with a malformed ${key}`);
  return time;
}

function wholeSeconds(seconds: number | undefined): TarTime | undefined {
  return seconds === undefined ? undefined : { seconds, nanoseconds: 0 };
}

function isSparse(header: Header, local: Records): boolean {
  return header.typeflag === 'S' || (hasContent(entryType(header.typeflag, '')) && hasSparseKey(local));
}

function sparseSize(header: Header, pax: Records, at: Place): number | undefined {
  const size =
    integerOf(pax, 'GNU.sparse.size', at) ??
    integerOf(pax, 'GNU.sparse.realsize', at) ??
    header.sparse?.realSize;
  if (size !== undefined && size < 0) throw headerError('INVALID', at, 'has a negative real size');
  return size;
}
