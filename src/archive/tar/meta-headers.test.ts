import { describe, expect, it } from 'vitest';
import { isStowageError } from '../../errors.js';
import {
  END_OF_ARCHIVE,
  MAX_GLOBAL_BYTES,
  MAX_META_BYTES,
  MAX_META_HEADERS,
  paddingFor,
  readTar,
} from './index.js';
import type { TarEntry, TarReadOptions } from './index.js';
import { encodeBlock } from './header.js';
import type { EncodableHeader } from './header.js';
import { formatPaxRecord } from './pax.js';

const NONE = new Uint8Array(0);

/** A block as it is, with content behind it. */
function raw(
  typeflag: string,
  name: string,
  content: Uint8Array,
  fields?: Partial<EncodableHeader>,
): Uint8Array {
  const block = encodeBlock({
    name: Buffer.from(name),
    prefix: NONE,
    typeflag,
    size: content.length,
    mode: 0o644,
    uid: 1,
    gid: 2,
    mtime: 3,
    linkName: NONE,
    uname: Buffer.from('user'),
    gname: NONE,
    devMajor: 0,
    devMinor: 0,
    ...fields,
  });
  return Buffer.concat([block, content, new Uint8Array(paddingFor(content.length))]);
}

function records(values: Record<string, string | Uint8Array>): Uint8Array {
  return Buffer.concat(
    Object.entries(values).map(([key, value]) => formatPaxRecord(key, Buffer.from(value)) ?? NONE),
  );
}

const file = (name: string): Uint8Array => raw('0', name, Buffer.from('data'));
const local = (values: Record<string, string | Uint8Array>): Uint8Array => raw('x', 'pax', records(values));
const global = (values: Record<string, string | Uint8Array>): Uint8Array => raw('g', 'pax', records(values));

async function list(parts: Uint8Array[], options?: TarReadOptions): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for await (const entry of readTar([...parts, END_OF_ARCHIVE], options)) entries.push(entry);
  return entries;
}

async function failure(parts: Uint8Array[]): Promise<unknown> {
  return list(parts).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('extended headers', () => {
  it('change the next entry and no other', async () => {
    const [first, second] = await list([
      local({ path: 'long', uid: '4294967296', mtime: '-1.5' }),
      file('a'),
      file('b'),
    ]);
    expect(first).toMatchObject({ name: 'long', uid: 2 ** 32, gid: 2, size: 4 });
    expect(first?.mtime).toEqual({ seconds: -2, nanoseconds: 500_000_000 });
    expect(second).toMatchObject({ name: 'b', uid: 1, mtime: { seconds: 3, nanoseconds: 0 } });
    expect(second?.pax.size).toBe(0);
  });

  it('of a global kind change all entries that follow, key by key, unless one says otherwise', async () => {
    const entries = await list([
      file('a'),
      global({ uname: 'everyone', comment: 'one' }),
      file('b'),
      local({ uname: 'somebody' }),
      file('c'),
      local({ uname: '' }),
      file('d'),
      global({ comment: 'two' }),
      file('e'),
    ]);
    expect(entries.map((entry) => entry.uname)).toEqual(['user', 'everyone', 'somebody', 'user', 'everyone']);
    expect(entries.map((entry) => text(entry.pax.get('comment')))).toEqual([
      undefined,
      'one',
      'one',
      'one',
      'two',
    ]);
  });

  it('keep binary values as they are', async () => {
    const value = Uint8Array.from({ length: 256 }, (_, index) => index);
    const [entry] = await list([local({ 'SCHILY.xattr.security.capability': value }), file('a')]);
    expect(Buffer.from(entry?.pax.get('SCHILY.xattr.security.capability') ?? NONE)).toEqual(
      Buffer.from(value),
    );
  });

  it('of GNU give long names, before those of PAX', async () => {
    const [entry] = await list([
      local({ path: 'pax' }),
      raw('L', '././@LongLink', Buffer.from(`${'n'.repeat(600)}\0`)),
      raw('K', '././@LongLink', Buffer.from('target\0rest')),
      raw('2', 'short', NONE),
    ]);
    expect(entry).toMatchObject({ name: 'n'.repeat(600), linkName: 'target', type: 'symlink' });
  });

  it('replace earlier ones of their kind as a whole', async () => {
    const [entry] = await list([
      local({ path: 'first', uname: 'first' }),
      local({ path: 'second' }),
      file('a'),
    ]);
    expect(entry).toMatchObject({ name: 'second', uname: 'user' });
  });

  it('decide the size, which decides where the next header is', async () => {
    const content = Buffer.alloc(700, 1);
    const parts = [local({ size: '700' }), raw('0', 'a', content, { size: 0 }), file('b')];
    expect((await list(parts)).map(({ name, size }) => [name, size])).toEqual([
      ['a', 700],
      ['b', 4],
    ]);
  });

  it('give no content to a type that has none', async () => {
    const parts = [local({ size: '700' }), raw('1', 'link', NONE, { size: 900 }), file('b')];
    expect((await list(parts)).map(({ name, size }) => [name, size])).toEqual([
      ['link', 0],
      ['b', 4],
    ]);
  });

  it('are an error without an entry behind them', async () => {
    expect(String(await failure([file('a'), local({ path: 'x' })]))).toContain('has no entry');
    expect(await failure([file('a'), global({ comment: 'x' })])).toBeUndefined();
  });

  it('have limits in size and number', async () => {
    const large = Buffer.alloc(MAX_META_BYTES, 'n');
    expect((await list([raw('L', 'l', large), file('a')]))[0]?.name.length).toBe(MAX_META_BYTES);
    const comment = { comment: 'c'.repeat(MAX_GLOBAL_BYTES / 2) };
    const tooMuch = [
      [raw('L', 'l', Buffer.concat([large, large])), file('a')],
      [raw('x', 'x', Buffer.concat([large, large])), file('a')],
      [global(comment), file('a'), global(comment)],
      [...Array.from({ length: MAX_META_HEADERS + 1 }, () => local({ a: 'b' })), file('a')],
    ];
    for (const parts of tooMuch) expect(isStowageError(await failure(parts), 'LIMIT_EXCEEDED')).toBe(true);
  });

  it('with malformed values are refused, naming the entry', async () => {
    for (const [key, value] of [
      ['size', '-1'],
      ['size', '1e3'],
      ['uid', 'root'],
      ['mtime', 'now'],
      ['gid', '0x10'],
    ]) {
      const error = await failure([local({ [String(key)]: String(value) }), file('a')]);
      expect(isStowageError(error, 'INVALID'), `${key} ${value}`).toBe(true);
      expect((error as Error).message).toContain('of entry "a" at byte 1024');
    }
    expect(
      isStowageError(await failure([local({ size: '9007199254740992' }), file('a')]), 'LIMIT_EXCEEDED'),
    ).toBe(true);
    expect(
      isStowageError(await failure([raw('x', 'x', Buffer.from('9 path=x')), file('a')]), 'INVALID'),
    ).toBe(true);
    expect(isStowageError(await failure([global({ 'GNU.sparse.major': '1' }), file('a')]), 'INVALID')).toBe(
      true,
    );
  });
});

describe('sparse files', () => {
  const sparse = [
    local({
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': 's',
      'GNU.sparse.realsize': '9',
    }),
    raw('0', 'GNUSparseFile.0/s', Buffer.from('0\n')),
    file('b'),
  ];

  it('are refused by name', async () => {
    const error = await failure(sparse);
    expect(isStowageError(error, 'UNSUPPORTED')).toBe(true);
    expect((error as Error).message).toBe('Cannot read tar archive: entry "s" is a sparse file');
    expect(isStowageError(await failure([raw('S', 'old', NONE)]), 'UNSUPPORTED')).toBe(true);
  });

  it('can be listed, without their content', async () => {
    const entries: unknown[] = [];
    for await (const entry of readTar([...sparse, END_OF_ARCHIVE], { sparse: 'list' })) {
      entries.push([entry.name, entry.type, entry.size]);
      const first = entry.body[Symbol.asyncIterator]().next();
      if (entry.type === 'sparse') await expect(first).rejects.toThrow(/is a sparse file/);
      else await first;
    }
    expect(entries).toEqual([
      ['s', 'sparse', 9],
      ['b', 'file', 4],
    ]);
  });
});

function text(value: Uint8Array | undefined): string | undefined {
  return value && Buffer.from(value).toString();
}
