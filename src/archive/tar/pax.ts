/** PAX extended headers (POSIX.1-2008, pax, "pax Extended Header"): records of `<length> <key>=<value>\n`. */
import type { TarTime } from './entry.js';
import { decodeText } from './text.js';

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;

/** Keys whose values are text that cannot contain a NUL. */
const TEXT_KEYS: ReadonlySet<string> = new Set(['path', 'linkpath', 'uname', 'gname']);

export interface PaxRecord {
  readonly key: string;
  readonly value: Uint8Array;
  /** What follows the record. */
  readonly rest: Uint8Array;
}

/**
 * The first record of `bytes`; undefined where it is malformed: no decimal length, a length that is not that of the
 * record, no newline at its end, no key, or a NUL where none can be.
 */
export function parsePaxRecord(bytes: Uint8Array): PaxRecord | undefined {
  // No length of a record that fits in memory has more digits.
  const space = bytes.subarray(0, 20).indexOf(SPACE);
  const digits = Buffer.from(bytes.subarray(0, Math.max(space, 0))).toString('latin1');
  if (!/^\d+$/.test(digits)) return undefined;
  const length = Number(digits);
  if (length > bytes.length || length < space + 4 || bytes[length - 1] !== NEWLINE) return undefined;
  const record = bytes.subarray(space + 1, length - 1);
  const equals = record.indexOf(EQUALS);
  if (equals === -1) return undefined;
  const key = decodeText(record.subarray(0, equals));
  const value = record.subarray(equals + 1);
  return isValidRecord(key, value) ? { key, value, rest: bytes.subarray(length) } : undefined;
}

/**
 * All records of an extended header, the last of each key. Values are views of `bytes`: give it bytes that nothing
 * else writes to. Undefined where one is malformed.
 */
export function parsePaxRecords(bytes: Uint8Array): Map<string, Uint8Array> | undefined {
  const records = new Map<string, Uint8Array>();
  for (let rest = bytes; rest.length > 0;) {
    const record = parsePaxRecord(rest);
    if (record === undefined) return undefined;
    records.set(record.key, record.value);
    rest = record.rest;
  }
  return records;
}

/** One record, its length included; undefined where {@link parsePaxRecord} would not take it. */
export function formatPaxRecord(key: string, value: Uint8Array): Uint8Array | undefined {
  if (!isValidRecord(key, value)) return undefined;
  const keyBytes = Buffer.from(key);
  const fixed = keyBytes.length + value.length + 3;
  // The length counts its own digits: one more digit can be needed for having one more.
  let length = fixed + String(fixed).length;
  length = fixed + String(length).length;
  return Buffer.concat([Buffer.from(`${length} `), keyBytes, Buffer.from('='), value, Buffer.from('\n')]);
}

/** A decimal whole number; NaN where it is none, unsafe (see Number.isSafeInteger) where it is too large. */
export function parsePaxInteger(text: string): number {
  return /^[+-]?\d+$/.test(text) ? Number(text) || 0 : Number.NaN;
}

/** A time in decimal seconds; digits behind the ninth of the fraction are cut off. Undefined where it is none. */
export function parsePaxTime(text: string): TarTime | undefined {
  const parts = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(text);
  if (parts === null) return undefined;
  const whole = Number(parts[2]);
  const fraction = Number((parts[3] ?? '').slice(0, 9).padEnd(9, '0'));
  if (!Number.isSafeInteger(whole + 1)) return undefined;
  if (parts[1] !== '-') return { seconds: whole, nanoseconds: fraction };
  return fraction === 0
    ? { seconds: 0 - whole, nanoseconds: 0 }
    : { seconds: -whole - 1, nanoseconds: 1e9 - fraction };
}

/** The time in decimal seconds, without zeros at the end of its fraction. */
export function formatPaxTime({ seconds, nanoseconds }: TarTime): string {
  const before = seconds < 0 && nanoseconds > 0;
  const whole = before ? -(seconds + 1) : Math.abs(seconds);
  const fraction = String(before ? 1e9 - nanoseconds : nanoseconds)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${seconds < 0 ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

function isValidRecord(key: string, value: Uint8Array): boolean {
  if (key === '' || key.includes('=') || key.includes('\0')) return false;
  return !TEXT_KEYS.has(key) || !value.includes(0);
}
