import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { isStowageError } from '../../errors.js';
import { fitsInBase256, fitsInOctal, formatNumeric, parseNumeric } from './numeric.js';
import { formatPaxRecord, formatPaxTime, parsePaxRecord, parsePaxRecords, parsePaxTime } from './pax.js';
import { decodeText } from './text.js';
import { encodeHeader, splitName } from './writer.js';
import type { TarHeaderFields } from './writer.js';

const file = path.resolve(process.env.TABLES_DIR ?? '../shared/tables', 'tar-header-codecs.json');

type Case = Record<string, unknown>;
type Groups = Record<string, { cases: Case[] }>;

const groups: Groups = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as { groups: Groups }).groups
  : {};

/** Groups that have nothing to be run against. */
const GROUPS_AGAINST: Record<string, string> = {
  TestSparseEntries: 'maps of sparse files are not read: sparse files are refused',
};

/** Single cases that are decided otherwise here, found by a part of their JSON. */
const CASES_AGAINST: readonly (readonly [group: string, part: string, reason: string])[] = [
  ['TestHeaderAllowedFormats', '"Format":["GNU"]', 'GNU format is read, never written'],
  ['TestHeaderAllowedFormats', '"Format":["USTAR"]},"paxHdrs"', 'times are never rounded to suit ustar'],
  ['TestHeaderAllowedFormats', '{"Size":{"$int":"9223372036854775807"}}', 'sizes end at 2^53 - 1'],
  ['TestHeaderAllowedFormats', '{"sec":77777777777,', 'the table reads an octal literal of Go as decimal'],
];

const against = (group: string, one: Case): string | undefined =>
  CASES_AGAINST.find(([where, part]) => where === group && JSON.stringify(one).includes(part))?.[2];

/** Values the table could not reduce to constants. */
const isComputed = (one: Case): boolean => JSON.stringify(one).includes('"$go"');

describe.skipIf(!existsSync(file))('the table of header codecs (skipped where the tables are absent)', () => {
  it('has no group that is neither run nor decided against', () => {
    expect(Object.keys(groups).sort()).toEqual([...Object.keys(RUN), ...Object.keys(GROUPS_AGAINST)].sort());
  });

  for (const [group, run] of Object.entries(RUN)) {
    const cases = (groups[group]?.cases ?? []).filter((one) => !isComputed(one));
    it(`is met in all of ${group} but what is decided against`, () => {
      const kept = cases.filter((one) => against(group, one) === undefined);
      expect(kept.length).toBeGreaterThan(0);
      for (const one of kept)
        expect(() => {
          run(one);
        }, JSON.stringify(one)).not.toThrow();
    });
  }

  for (const [group, part, reason] of CASES_AGAINST) {
    it(`is decided against in ${group} ${part}: ${reason}`, () => {
      const cases = (groups[group]?.cases ?? []).filter((one) => !isComputed(one));
      const found = cases.filter((one) => JSON.stringify(one).includes(part));
      expect(found.length).toBeGreaterThan(0);
      for (const one of found) expect(() => RUN[group]?.(one), JSON.stringify(one)).toThrow();
    });
  }
});

const RUN: Record<string, (one: Case) => void> = {
  TestFitsInBase256: ({ in: value, width, ok }) => {
    expect(fitsInBase256(integer(value), Number(width))).toBe(ok);
  },
  TestFitsInOctal: ({ input, width, ok }) => {
    expect(fitsInOctal(integer(input), Number(width))).toBe(ok);
  },
  TestParseNumeric: ({ in: field, want, ok }) => {
    expect(parseNumeric(bytes(field))).toBe(ok === true ? integer(want) : undefined);
  },
  TestFormatNumeric: ({ in: value, want, ok }) => {
    const field = formatNumeric(integer(value), bytes(want).length);
    expect(field && hex(field)).toBe(ok === true ? hex(bytes(want)) : undefined);
  },
  TestParsePAXTime: ({ in: text, want, ok }) => {
    expect(parsePaxTime(String(text))).toEqual(ok === true ? time(want) : undefined);
  },
  TestFormatPAXTime: (one) => {
    expect(formatPaxTime(time(one))).toBe(one.want);
  },
  TestParsePAXRecord: ({ in: text, wantRes, wantKey, wantVal, ok }) => {
    const record = parsePaxRecord(bytes(text));
    expect(record !== undefined).toBe(ok);
    if (record === undefined) return;
    expect([record.key, hex(record.value), hex(record.rest)]).toEqual([
      wantKey,
      hex(bytes(wantVal)),
      hex(bytes(wantRes)),
    ]);
  },
  TestFormatPAXRecord: ({ inKey, inVal, want, ok }) => {
    const record = formatPaxRecord(String(inKey), bytes(inVal));
    expect(record && hex(record)).toBe(ok === true ? hex(bytes(want)) : undefined);
  },
  TestSplitUSTARPath: ({ input, prefix, suffix, ok }) => {
    expect(splitName(String(input))).toEqual(ok === true ? { prefix, suffix } : undefined);
  },
  TestHeaderAllowedFormats: ({ header, paxHdrs, formats }) => {
    const allowed = formats as string[];
    const written = write(header as Case);
    if (written === undefined) {
      expect(allowed).not.toContain('USTAR');
      expect(allowed).not.toContain('PAX');
      return;
    }
    if (written.size > 0) {
      expect(allowed).toContain('PAX');
      const wanted = Object.entries((paxHdrs ?? {}) as Case).map(([key, value]) => [key, hex(bytes(value))]);
      expect([...written].map(([key, value]) => [key, hex(value)])).toEqual(wanted);
    } else {
      expect(allowed).toContain('USTAR');
    }
  },
};

/** The PAX records our writer puts in front of this header, none for plain ustar; undefined where it refuses. */
function write(header: Case): ReadonlyMap<string, Uint8Array> | undefined {
  let blocks: Uint8Array;
  try {
    blocks = encodeHeader(fieldsOf(header));
  } catch (error) {
    if (!isStowageError(error, 'INVALID')) throw error;
    return undefined;
  }
  if (blocks.length === 512) return new Map();
  const length = Number(parseNumeric(blocks.subarray(124, 136)));
  return parsePaxRecords(blocks.subarray(512, 512 + length));
}

function fieldsOf(header: Case): TarHeaderFields {
  const pax = new Map<string, Uint8Array>();
  for (const [key, value] of Object.entries((header.Xattrs ?? {}) as Case))
    pax.set(`SCHILY.xattr.${key}`, bytes(value));
  for (const [key, field] of [
    ['atime', header.AccessTime],
    ['ctime', header.ChangeTime],
  ] as const) {
    if (field !== undefined) pax.set(key, bytes(formatPaxTime(time(field))));
  }
  const number = (value: unknown): number => Number(integer(value ?? 0));
  const text = (value: unknown): string => decodeText(bytes(value ?? ''));
  const types = { '0': 'file', '2': 'symlink', '5': 'directory' } as const;
  const flag = (header.Typeflag as { typeflag: keyof typeof types } | undefined)?.typeflag ?? '0';
  return {
    name: text(header.Name),
    type: types[flag],
    size: number(header.Size),
    mode: number(header.Mode),
    uid: number(header.Uid),
    gid: number(header.Gid),
    mtime: header.ModTime === undefined ? { seconds: 0, nanoseconds: 0 } : time(header.ModTime),
    linkName: text(header.Linkname),
    uname: text(header.Uname),
    devMajor: number(header.Devmajor),
    pax,
  };
}

function integer(value: unknown): bigint {
  return BigInt(
    typeof value === 'object' && value !== null ? (value as { $int: string }).$int : (value as number),
  );
}

function bytes(value: unknown): Uint8Array {
  if (typeof value === 'string') return Buffer.from(value);
  return Buffer.from((value as { $bytes_hex: string }).$bytes_hex, 'hex');
}

function hex(value: Uint8Array): string {
  return Buffer.from(value).toString('hex');
}

/** Go's pair, where nanoseconds may be negative, as ours. */
function time(value: unknown): { seconds: number; nanoseconds: number } {
  const { sec, nsec } = value as { sec: number; nsec: number };
  return nsec < 0 ? { seconds: sec - 1, nanoseconds: nsec + 1e9 } : { seconds: sec, nanoseconds: nsec };
}
