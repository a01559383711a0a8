/**
 * What `stowage verify` says, word for word, of archives that are sound and of each kind that is not: one file in
 * `golden/verify/` a command line. `UPDATE_GOLDEN=1` writes them anew.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOf } from '../../src/io/hash.js';
import { config, forPlatform, index, layer, manifest, type Built } from '../../src/testing/build-image.js';
import { layoutEntries, named, pathOf, tarOf, type Entry } from '../support/build-archive.js';
import { Homes, run } from './world.js';

const FOLDER = new URL('golden/verify/', import.meta.url).pathname;
const UPDATE = process.env.UPDATE_GOLDEN === '1';

const part = (architecture: string) => layer('motd', `hello from ${architecture}\n`);
const image = (architecture: string, diffId = part(architecture).descriptor.digest): Built =>
  manifest(config({ architecture, rootfs: { type: 'layers', diff_ids: [diffId] } }), part(architecture));

const amd64 = image('amd64');
const arm64 = image('arm64');
const both = index(forPlatform('linux/amd64', amd64), forPlatform('linux/arm64', arm64));
const entries = layoutEntries(index(named('latest', both)));
const dockerConfig = Buffer.from(
  JSON.stringify({
    architecture: 'amd64',
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: [part('amd64').descriptor.digest] },
  }),
);

const only = (images: readonly Built[], from: readonly Entry[]): Entry[] =>
  from.filter(
    ({ name }) =>
      !name.startsWith('blobs/') ||
      [both, ...images].some((each) => pathOf(each) === name || isPartOf(each, name)),
  );
function isPartOf(built: Built, name: string): boolean {
  return built !== both && [...built.blobs.keys()].some((digest) => name.endsWith(digest.slice(7)));
}
const replaced = (built: Built, content: Uint8Array): Entry[] =>
  entries.map((entry) => (entry.name === pathOf(built) ? { ...entry, content } : entry));

const ARCHIVES: Readonly<Record<string, readonly Entry[]>> = {
  'sound.tar': entries,
  'sparse.tar': only([amd64], entries),
  'nothing-there.tar': only([], entries).filter(({ name }) => name !== pathOf(both)),
  'broken-layer.tar': replaced(part('arm64'), Buffer.from(part('arm64').bytes).fill(65, 512, 520)),
  'missing-blob.tar': entries.filter(({ name }) => name !== pathOf(part('arm64'))),
  'wrong-diff-id.tar': layoutEntries(
    index(named('latest', image('amd64', digestOf(Buffer.from('another'))))),
  ),
  'wrong-version.tar': [
    { name: 'oci-layout', content: '{"imageLayoutVersion":"2.0.0"}' },
    ...entries.slice(1),
  ],
  'hostile.tar': [...entries, { name: 'blobs/sha256/\u001b[31mred', content: 'x' }],
  'no-image.tar': [{ name: 'README', content: 'hello' }],
  'docker.tar': [
    {
      name: 'manifest.json',
      content: JSON.stringify([
        {
          Config: `${digestOf(dockerConfig).slice(7)}.json`,
          RepoTags: ['foo:1'],
          Layers: ['1/layer.tar'],
        },
      ]),
    },
    { name: `${digestOf(dockerConfig).slice(7)}.json`, content: dockerConfig },
    { name: '1/layer.tar', content: part('amd64').bytes },
  ],
};

interface Line {
  readonly line: string;
  readonly stdin?: string;
}

const LINES: readonly Line[] = [
  { line: 'verify --help' },
  { line: 'verify' },
  { line: 'verify missing.tar' },
  { line: 'verify --require some sound.tar' },
  { line: 'verify sound.tar' },
  { line: 'verify layout' },
  { line: 'verify -', stdin: 'sound.tar' },
  { line: 'verify --json sound.tar' },
  { line: 'verify sparse.tar' },
  { line: 'verify sparse.tar --require all' },
  { line: 'verify nothing-there.tar' },
  { line: 'verify broken-layer.tar' },
  { line: 'verify -q broken-layer.tar' },
  { line: 'verify --json broken-layer.tar' },
  { line: 'verify - --quiet', stdin: 'broken-layer.tar' },
  { line: 'verify missing-blob.tar' },
  { line: 'verify wrong-diff-id.tar' },
  { line: 'verify wrong-version.tar' },
  { line: 'verify hostile.tar' },
  { line: 'verify docker.tar' },
  { line: 'verify no-image.tar' },
  { line: 'verify text' },
  { line: 'verify empty' },
];

const homes = new Homes();
let home: string;

beforeAll(async () => {
  home = await homes.make();
  for (const [name, content] of Object.entries(ARCHIVES)) await writeFile(join(home, name), tarOf(content));
  await writeFile(
    join(home, 'text'),
    'this is a text, and it is long enough to hold the header of a tar\n'.repeat(20),
  );
  await mkdir(join(home, 'empty'));
  for (const { name, content = '' } of entries) {
    const path = join(home, 'layout', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
  await mkdir(FOLDER, { recursive: true });
});
afterAll(() => homes.removeAll());

describe('stowage verify', () => {
  it.concurrent.each(LINES.map((line) => ({ ...line, title: titleOf(line) })))(
    'says: stowage $title',
    async ({ line, stdin, title }) => {
      const input = stdin === undefined ? undefined : tarOf(ARCHIVES[stdin] ?? []);
      const outcome = await run(home, line.split(' '), input && { stdin: input });
      const text =
        `$ stowage ${title}\n[exit ${outcome.status}]\n--- stdout\n${outcome.stdout}--- stderr\n${outcome.stderr}`.replaceAll(
          home,
          '<home>',
        );
      const file = join(FOLDER, fileOf(title));
      if (UPDATE) await writeFile(file, text);
      else expect(text).toBe(await readFile(file, 'utf8'));
    },
  );

  it('has no golden file without a command line', async () => {
    const names = await readdir(FOLDER);
    expect(names.sort()).toEqual(LINES.map((line) => fileOf(titleOf(line))).sort());
  });

  it('makes no store, and writes nothing', async () => {
    const empty = await homes.make();
    const before = await readdir(empty);
    const root = join(empty, 'root');
    const outcome = await run(empty, ['verify', join(home, 'sound.tar')], { env: { STOWAGE_ROOT: root } });
    expect(outcome.status).toBe(0);
    expect(await readdir(empty)).toEqual(before);
  });
});

function titleOf({ line, stdin }: Line): string {
  return stdin === undefined ? line : `${line} < ${stdin}`;
}

function fileOf(title: string): string {
  return `${title.replaceAll(' ', '_').replaceAll('<', '!')}.txt`;
}
