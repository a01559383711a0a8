import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { isStowageError } from '../../errors.js';
import { indexTar, readTar } from './index.js';
import type { TarEntry, TarReadOptions } from './index.js';
import { MetaHeaders } from './meta-headers.js';
import { decodeHeader } from './header.js';
import { formatPaxRecord, parsePaxRecords } from './pax.js';

const file = path.resolve(process.env.TABLES_DIR ?? '../shared/tables', 'tar-reader-expectations.json');
const corpus = path.resolve(process.env.CORPUS_DIR ?? '../shared/corpus', 'vbatts_tar-split/archive/tar');

type Case = Record<string, unknown>;
type Groups = Record<string, { cases: Case[] }>;

const groups: Groups = existsSync(file)
  ? (JSON.parse(readFileSync(file, 'utf8')) as { groups: Groups }).groups
  : {};

const GROUPS_AGAINST: Record<string, string> = {
  TestReadGNUSparsePAXHeaders: 'maps of sparse files are not read: sparse files are refused',
};

const CONTENT = 'the content of a sparse file is not expanded';
const GLOBAL = 'global headers are applied to what follows, as POSIX has it, not handed out as entries';
const MAP = 'maps of sparse files are not read: sparse files are refused';
const PADDING = 'an archive cut off in the padding of an entry is cut off';
const EMPTY = 'a file without a byte is no archive';
const BEHIND = 'data behind the end marker would be lost without a word';
const ALONE = 'an extended header without the entry it belongs to is a cut-off archive';

/** Cases that are decided otherwise here, found by a part of their JSON. */
const CASES_AGAINST: readonly (readonly [group: string, part: string, reason: string])[] = [
  ['TestReader', 'testdata/sparse-formats.tar', CONTENT],
  ['TestReader', 'testdata/pax-global-records.tar', GLOBAL],
  ['TestParsePAX', 'GNU.sparse.', MAP],
  ['TestPartialRead', 'testdata/sparse-formats.tar', CONTENT],
  ['TestReadTruncation', '"input":""', EMPTY],
  ['TestReadTruncation', '"of":"data2[:1196]"', PADDING],
  ['TestReadTruncation', '"of":"data2[:1200]"', PADDING],
  ['TestReadTruncation', '"of":"data2[:1535]"', PADDING],
  ['TestReadTruncation', '"of":"sparse[:9200]"', PADDING],
  ['TestReadTruncation', '"of":"sparse[:9216]"', ALONE],
  ['TestReadTruncation', '"of":"pax"', ALONE],
  ['TestReadTruncation', '"of":"data2[:2560] + trash', BEHIND],
  ['TestReadTruncation', '"of":"sparse + trash"', BEHIND],
];

const hasBzip2 = spawnSync('bzip2', ['--help']).error === undefined;

const directory = mkdtempSync(path.join(tmpdir(), 'stowage-tar-'));
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
});

const LENIENT: TarReadOptions = { endMarker: 'optional', sparse: 'list' };
const CHUNKS = [1, 7, 512, 513, 64 * 1024];

const against = (group: string, one: Case): boolean =>
  CASES_AGAINST.some(([where, part]) => where === group && JSON.stringify(one).includes(part));

/** Why a case cannot be run here, if it cannot. */
function missing({ file: name }: Case): string | undefined {
  if (typeof name !== 'string') return undefined;
  if (!existsSync(path.join(corpus, name))) return `${name} is not in the corpus`;
  return name.endsWith('.bz2') && !hasBzip2 ? `${name} needs the bzip2 command` : undefined;
}

describe.skipIf(!existsSync(file))(
  'the table of reader expectations (skipped where the tables are absent)',
  () => {
    it('has no group that is neither run nor decided against', () => {
      expect(Object.keys(groups).sort()).toEqual(
        [...Object.keys(RUN), ...Object.keys(GROUPS_AGAINST)].sort(),
      );
    });

    for (const [group, run] of Object.entries(RUN)) {
      for (const [index, one] of (groups[group]?.cases ?? []).entries()) {
        if (against(group, one)) continue;
        const reason = missing(one);
        const title = `is met in case ${index} of ${group}${typeof one.file === 'string' ? `, ${one.file}` : ''}`;
        it.skipIf(reason !== undefined)(
          reason === undefined ? title : `${title}: skipped, ${reason}`,
          async () => {
            await run(one);
          },
        );
      }
    }

    for (const [group, part, reason] of CASES_AGAINST) {
      const found = (groups[group]?.cases ?? []).filter((one) => JSON.stringify(one).includes(part));
      const lacking = found.map(missing).find((why) => why !== undefined);
      const title = `is decided against in ${group} ${part}: ${reason}${lacking === undefined ? '' : ` (skipped, ${lacking})`}`;
      it.skipIf(lacking !== undefined)(title, async () => {
        expect(found.length).toBeGreaterThan(0);
        for (const one of found) {
          await expect((async () => RUN[group]?.(one))(), JSON.stringify(one)).rejects.toThrow();
        }
      });
    }
  },
);

const RUN: Record<string, (one: Case) => Promise<void> | void> = {
  TestReader: async ({ file: name, headers, chksums, err }) => {
    const archive = fixture(String(name));
    for (const size of CHUNKS) {
      const read = await stream(archive, size);
      checkEntries(read, headers as Case[] | undefined, err);
      if (chksums !== undefined) expect(read.sums).toEqual(chksums);
    }
    checkEntries(await seek(archive), headers as Case[] | undefined, err);
  },
  TestReadTruncation: async ({ input, cnt, err }) => {
    const archive = Buffer.from(input === '' ? '' : (input as { $b64: string }).$b64, 'base64');
    const fails = (err as { error: string }).error !== 'io.EOF';
    for (const size of CHUNKS) {
      const read = await stream(archive, size);
      expect([read.entries.length, read.error !== undefined]).toEqual([cnt, fails]);
    }
    // Seeking, the end of the file is known beforehand: an entry that does not fit is not handed out at all.
    const indexed = await seek(archive);
    expect(indexed.error !== undefined).toBe(fails);
    expect(Number(cnt) - indexed.entries.length).toBeLessThanOrEqual(fails ? 1 : 0);
  },
  TestParsePAX: ({ in: text, want, ok }) => {
    const records = parsePaxRecords(Buffer.from(String(text)));
    expect(records && textual(records)).toEqual(ok === true ? (want ?? {}) : undefined);
  },
  TestMergePAX: ({ in: records, want, ok }) => {
    const meta = new MetaHeaders();
    const place = { archive: undefined, offset: 0 };
    const blank = decodeHeader(new Uint8Array(512), place);
    const parts = Object.entries(records as Record<string, string>).map(
      ([key, value]) => formatPaxRecord(key, Buffer.from(value)) ?? Buffer.alloc(0),
    );
    meta.accept({ ...blank, typeflag: 'x' }, Buffer.concat(parts), place);
    const resolve = (): TarEntry => meta.resolve(blank, 512, place).entry;
    if (ok === true) checkHeader(resolve(), { ModTime: { sec: 0, nsec: 0 }, ...(want as Case) });
    else expect(resolve).toThrow(/malformed/);
  },
  TestPartialRead: async ({ file: name, cases }) => {
    const archive = fixture(String(name));
    const outputs = (cases as { cnt: number; output: string }[]).values();
    for await (const entry of readTar(chunked(archive, 1), LENIENT)) {
      const { cnt, output } = outputs.next().value ?? { cnt: 0, output: '' };
      let text = '';
      for await (const chunk of entry.body) {
        text += Buffer.from(chunk).toString();
        if (text.length === cnt) break;
      }
      expect(text).toBe(output);
    }
    expect(outputs.next().done).toBe(true);
  },
};

interface Read {
  readonly entries: TarEntry[];
  readonly sums: string[];
  readonly error: unknown;
}

async function stream(archive: Uint8Array, size: number): Promise<Read> {
  const entries: TarEntry[] = [];
  const sums: string[] = [];
  try {
    for await (const entry of readTar(chunked(archive, size), LENIENT)) {
      entries.push(entry);
      if (entry.type === 'sparse') continue;
      const hash = createHash('md5');
      for await (const chunk of entry.body) hash.update(chunk);
      sums.push(hash.digest('hex'));
    }
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return { entries, sums, error };
  }
  return { entries, sums, error: undefined };
}

async function seek(archive: Uint8Array): Promise<Read> {
  const target = path.join(directory, 'archive.tar');
  await writeFile(target, archive);
  const handle = await open(target);
  const entries: TarEntry[] = [];
  try {
    for await (const entry of indexTar(handle, LENIENT)) entries.push(entry);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return { entries, sums: [], error };
  } finally {
    await handle.close();
  }
  return { entries, sums: [], error: undefined };
}

function checkEntries(read: Read, headers: Case[] | undefined, err: unknown): void {
  if (err !== undefined) {
    const code = (err as { error: string }).error === 'ErrFieldTooLong' ? 'LIMIT_EXCEEDED' : 'INVALID';
    expect(isStowageError(read.error, code)).toBe(true);
    return;
  }
  expect(read.error).toBeUndefined();
  expect(read.entries.length).toBe(headers?.length);
  for (const [index, entry] of read.entries.entries()) checkHeader(entry, headers?.[index] ?? {});
}

function checkHeader(entry: TarEntry, want: Case): void {
  const name = want.Name as string | { $bytes_hex: string } | undefined;
  const flag = want.Typeflag as number | { typeflag: string } | undefined;
  const typeflag = typeof flag === 'number' ? String.fromCharCode(flag) : flag?.typeflag;
  expect({
    name: entry.name,
    typeflag: entry.type === 'file' ? '0' : entry.typeflag,
    numbers: [entry.size, entry.mode, entry.uid, entry.gid, entry.devMajor, entry.devMinor],
    texts: [entry.linkName, entry.uname, entry.gname],
    times: [entry.mtime, entry.atime, entry.ctime],
    pax: textual(entry.pax),
  }).toEqual({
    name: typeof name === 'object' ? Buffer.from(name.$bytes_hex, 'hex').toString('latin1') : (name ?? ''),
    typeflag: typeflag ?? '0',
    numbers: [want.Size, want.Mode, want.Uid, want.Gid, want.Devmajor, want.Devminor].map(
      (value) => value ?? 0,
    ),
    texts: [want.Linkname, want.Uname, want.Gname].map((value) => value ?? ''),
    times: [want.ModTime, want.AccessTime, want.ChangeTime].map(time),
    pax: want.PAXRecords ?? {},
  });
  for (const [key, value] of Object.entries((want.Xattrs ?? {}) as Record<string, string>)) {
    expect(Buffer.from(entry.pax.get(`SCHILY.xattr.${key}`) ?? []).toString()).toBe(value);
  }
}

function time(value: unknown): { seconds: number; nanoseconds: number } | undefined {
  const pair = value as { sec: number; nsec: number } | undefined;
  return pair && { seconds: pair.sec, nanoseconds: pair.nsec };
}

function textual(records: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  return Object.fromEntries([...records].map(([key, value]) => [key, Buffer.from(value).toString()]));
}

function fixture(name: string): Uint8Array {
  const source = path.join(corpus, name);
  return name.endsWith('.bz2')
    ? execFileSync('bzip2', ['-dc', source], { maxBuffer: 2 ** 28 })
    : readFileSync(source);
}

function* chunked(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}
