import { execFile, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import tarStream from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { END_OF_ARCHIVE, encodeHeader, indexTar, paddingFor, readTar } from './index.js';
import type { TarEntry, TarHeaderFields } from './index.js';

const run = promisify(execFile);
const version = spawnSync('tar', ['--version'], { encoding: 'utf8' });
const lacksGnuTar = version.error !== undefined || !version.stdout.includes('GNU tar');

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'stowage-tar-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const members: readonly { fields: TarHeaderFields; content: string }[] = [
  { fields: { name: 'blobs/', type: 'directory', mode: 0o755 }, content: '' },
  { fields: { name: 'blobs/short', mode: 0o444, mtime: { seconds: 1e9, nanoseconds: 0 } }, content: 'short' },
  { fields: { name: `blobs/${'p'.repeat(60)}/${'s'.repeat(90)}`, mode: 0o444 }, content: 'prefix' },
  { fields: { name: `blobs/${'e'.repeat(128)}`, mode: 0o444 }, content: 'x'.repeat(1000) },
  { fields: { name: 'blobs/ümläut', mode: 0o644, uid: 3_000_000 }, content: '' },
  { fields: { name: 'link', type: 'symlink', mode: 0o777, linkName: 't'.repeat(150) }, content: '' },
  { fields: { name: 'hard', type: 'hard-link', mode: 0o444, linkName: 'blobs/short' }, content: '' },
];

const ours = Buffer.concat([
  ...members.flatMap(({ fields, content }) => [
    encodeHeader({ ...fields, size: content.length }),
    Buffer.from(content),
    new Uint8Array(paddingFor(content.length)),
  ]),
  END_OF_ARCHIVE,
]);

async function read(bytes: Uint8Array): Promise<{ entry: TarEntry; content: string }[]> {
  const found: { entry: TarEntry; content: string }[] = [];
  for await (const { body, ...entry } of readTar(bytes)) {
    const parts: Uint8Array[] = [];
    for await (const part of body) parts.push(part);
    found.push({ entry, content: Buffer.concat(parts).toString() });
  }
  return found;
}

describe('tar-stream', () => {
  it('reads what we write', async () => {
    const extract = tarStream.extract();
    Readable.from([ours]).pipe(extract);
    const found: unknown[] = [];
    for await (const entry of extract) {
      const parts: Buffer[] = [];
      for await (const part of entry) parts.push(Buffer.from(part as Uint8Array));
      const { name, mode, size, linkname, pax } = entry.header;
      // It leaves this one record to its user.
      const uid = Number((pax as { uid?: string } | null)?.uid ?? entry.header.uid);
      found.push([name.replace(/\/$/, ''), mode, uid, size, linkname ?? '', Buffer.concat(parts).toString()]);
    }
    const wanted = members.map(({ fields: { name, mode, uid = 0, linkName = '' }, content }) => {
      return [name.replace(/\/$/, ''), mode, uid, content.length, linkName, content];
    });
    expect(found).toEqual(wanted);
  });

  it('writes what we read', async () => {
    const pack = tarStream.pack();
    const headers = [
      { name: 'a', mode: 0o640, uid: 7, gid: 8, mtime: new Date(5000), uname: 'u', gname: 'g' },
      { name: `${'n'.repeat(200)}/ä`, mode: 0o600, pax: { comment: 'hello' } },
    ];
    for (const header of headers) pack.entry(header, header.name);
    pack.entry({ name: 'dev', type: 'character-device', devmajor: 4, devminor: 5 });
    pack.entry({ name: 'link', type: 'symlink', linkname: 'ö' });
    pack.finalize();
    const parts: Uint8Array[] = [];
    for await (const part of pack) parts.push(part as Uint8Array);
    const found = await read(Buffer.concat(parts));
    expect(found.slice(0, 2).map(({ content }) => content)).toEqual(headers.map(({ name }) => name));
    expect(found.map(({ entry }) => entry)).toMatchObject([
      {
        name: 'a',
        mode: 0o640,
        uid: 7,
        gid: 8,
        mtime: { seconds: 5, nanoseconds: 0 },
        uname: 'u',
        gname: 'g',
      },
      { name: `${'n'.repeat(200)}/ä`, mode: 0o600 },
      { name: 'dev', type: 'character-device', devMajor: 4, devMinor: 5 },
      { name: 'link', type: 'symlink', linkName: 'ö' },
    ]);
  });
});

describe.skipIf(lacksGnuTar)('GNU tar (skipped where it is absent)', () => {
  it('unpacks what we write', async () => {
    const archive = path.join(directory, 'ours.tar');
    await writeFile(archive, ours);
    const { stderr } = await run('tar', ['-C', directory, '--no-same-owner', '-xf', archive]);
    expect(stderr).toBe('');
    for (const { fields, content } of members) {
      if (fields.type === 'directory' || fields.type === 'symlink') continue;
      const wanted = fields.type === 'hard-link' ? 'short' : content;
      expect(await readFile(path.join(directory, fields.name), 'utf8')).toBe(wanted);
    }
  });

  for (const format of ['v7', 'ustar', 'oldgnu', 'gnu', 'posix']) {
    it(`writes what we read, in its format ${format}`, async () => {
      const long =
        format === 'v7'
          ? 'n'.repeat(90)
          : format === 'ustar'
            ? `${'d'.repeat(90)}/${'n'.repeat(90)}`
            : `${'d'.repeat(200)}/${'n'.repeat(200)}`;
      const target = 't'.repeat(format === 'v7' || format === 'ustar' ? 90 : 200);
      await mkdir(path.join(directory, 'tree', path.dirname(long)), { recursive: true });
      await writeFile(path.join(directory, 'tree', long), 'long');
      await writeFile(path.join(directory, 'tree/ümläut'), 'x'.repeat(5000));
      await symlink(target, path.join(directory, 'tree/link'));
      const archive = path.join(directory, 'theirs.tar');
      const options = ['--sort=name', '--mtime=@1500000000', `--format=${format}`];
      await run('tar', ['-C', directory, ...options, '-cf', archive, 'tree']);
      const bytes = await readFile(archive);
      const found = await read(bytes);
      const byName = new Map(found.map(({ entry, content }) => [entry.name, { ...entry, content }]));
      expect(byName.get('tree/')).toMatchObject({ type: 'directory', size: 0 });
      expect(byName.get(`tree/${long}`)).toMatchObject({ type: 'file', content: 'long' });
      expect(byName.get('tree/ümläut')).toMatchObject({ content: 'x'.repeat(5000) });
      expect(byName.get('tree/link')).toMatchObject({ type: 'symlink', linkName: target });
      for (const { entry } of found) expect(entry.mtime).toEqual({ seconds: 1_500_000_000, nanoseconds: 0 });

      const file = await open(archive);
      const listed: TarEntry[] = [];
      for await (const entry of indexTar(file)) listed.push(entry);
      await file.close();
      expect(listed).toEqual(found.map(({ entry }) => entry));
    });
  }

  for (const [format, ...options] of [
    ['gnu'],
    ['posix', '--sparse-version=0.0'],
    ['posix', '--sparse-version=0.1'],
    ['posix', '--sparse-version=1.0'],
  ]) {
    it(`writes sparse files that we refuse but can pass over: ${format} ${options.join('')}`, async () => {
      await writeFile(path.join(directory, 'holes'), 'start');
      await truncate(path.join(directory, 'holes'), 2 ** 21);
      const handle = await open(path.join(directory, 'holes'), 'r+');
      for (let index = 0; index < 30; index += 1) await handle.write('x', index * 65_536);
      await handle.close();
      await writeFile(path.join(directory, 'plain'), 'plain');
      const archive = path.join(directory, 'theirs.tar');
      await run('tar', [
        '-C',
        directory,
        '-S',
        `--format=${format}`,
        ...options,
        '-cf',
        archive,
        'holes',
        'plain',
      ]);
      const bytes = await readFile(archive);
      await expect(read(bytes)).rejects.toThrow(/entry "holes" is a sparse file/);
      const listed: unknown[] = [];
      for await (const entry of readTar(bytes, { sparse: 'list' }))
        listed.push([entry.name, entry.type, entry.size]);
      expect(listed).toEqual([
        ['holes', 'sparse', 2 ** 21],
        ['plain', 'file', 5],
      ]);
    });
  }
});
