/** Commands that fail before they stored anything, with the built command: none leaves a store where there was none. */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { config, layer, manifest } from '../../src/testing/build-image.js';
import { layoutEntries, layoutTar, named, tarOf } from '../support/build-archive.js';
import { Homes, run } from './world.js';

const homes = new Homes();
afterAll(() => homes.removeAll());

const image = manifest(config(), layer('some', Buffer.alloc(1000, 'some ')));
const good = layoutTar(named('example.org/some:1', image));
const withoutIndex = tarOf(
  layoutEntries(named('example.org/some:1', image)).filter(({ name }) => name !== 'index.json'),
);
/** Longer than a label may be. */
const LONG = 'x'.repeat(5000);

const FAILURES: readonly (readonly [words: string, stdin?: Uint8Array])[] = [
  ['import nowhere.tar'],
  ['import text'],
  ['import empty'],
  ['import without-index.tar'],
  ['import text.gz'],
  ['import .'],
  ['import -', Buffer.from('no archive at all')],
  ['import -', new Uint8Array(0)],
  ['import -', good.subarray(0, 600)],
  ['import -', withoutIndex.subarray(0, 200)],
  ['import other/name:1 --ref-object nothing good.tar'],
  ['import good.tar --platform plan9/mips'],
  ['-n bad! import good.tar'],
  ['namespaces create bad!'],
  ['namespaces create good key=LONG'],
  ['leases create key=LONG'],
  ['content ingest --expected-digest nonsense some', good],
  ['content ingest --expected-size many some', good],
  ['content ingest --lease nobody some', good],
  ['tag example.org/some:1 example.org/other:1'],
  ['export out.tar example.org/some:1'],
  ['label example.org/some:1 a=b'],
];

async function prepared(): Promise<string> {
  const home = await homes.make();
  await writeFile(join(home, 'text'), 'no archive at all');
  await writeFile(join(home, 'text.gz'), gzipSync('no archive at all'));
  await writeFile(join(home, 'empty'), '');
  await writeFile(join(home, 'good.tar'), good);
  await writeFile(join(home, 'good.tar.gz'), gzipSync(good));
  await writeFile(join(home, 'without-index.tar'), withoutIndex);
  return home;
}

/** What is in a folder, or nothing if there is none. */
const entriesOf = (path: string) => readdir(path).catch(() => undefined);

describe('a command that fails before it stored anything', () => {
  it('leaves no store where there was none', async () => {
    const home = await prepared();
    const left: string[] = [];
    for (const [line, stdin] of FAILURES) {
      const words = line.split(' ').map((word) => word.replace('LONG', LONG));
      const { status, stderr } = await run(home, ['--root', 'none', ...words], stdin && { stdin });
      expect({ line, status }).not.toEqual({ line, status: 0 });
      expect(stderr).toMatch(/^stowage: /m);
      if ((await entriesOf(join(home, 'none'))) !== undefined) left.push(line);
      await rm(join(home, 'none'), { recursive: true, force: true });
    }
    expect(left).toEqual([]);
  });

  it('leaves an empty folder empty', async () => {
    const home = await prepared();
    await mkdir(join(home, 'hollow'));
    for (const words of [
      ['import', 'text'],
      ['import', '-'],
      ['namespaces', 'create', 'bad!'],
    ]) {
      expect((await run(home, ['--root', 'hollow', ...words])).status).not.toBe(0);
      expect(await entriesOf(join(home, 'hollow'))).toEqual([]);
    }
  });

  it('says why a store cannot be made, and nothing else', async () => {
    const home = await prepared();
    for (const words of [
      ['import', 'good.tar'],
      ['import', 'good.tar.gz'],
      ['leases', 'create'],
    ]) {
      const { status, stdout, stderr } = await run(home, ['--root', '/proc/none', ...words]);
      expect({ status, stdout }).toEqual({ status: 3, stdout: '' });
      expect(stderr).toBe('stowage: Cannot open a store at "/proc/none": no such file or directory\n');
    }
  });

  it('is followed by one that makes the store', async () => {
    for (const [words, stdin] of [
      ['import good.tar'],
      ['import -', good],
      ['import good.tar.gz'],
      ['namespaces create team'],
      ['leases create'],
      ['content ingest some', good],
    ] as const) {
      const home = await prepared();
      expect(await run(home, ['import', 'nowhere.tar'])).toMatchObject({ status: 3 });
      expect(await run(home, words.split(' '), stdin && { stdin })).toMatchObject({ status: 0 });
      expect(await run(home, ['fsck'])).toMatchObject({ status: 0 });
      const leases = await run(home, ['leases', 'ls', '-q']);
      expect(leases.stdout.split('\n')).toHaveLength(/^(leases|content)/.test(words) ? 2 : 1);
    }
  });
});
