/** The story of docs/concepts/durability.md, step by step: an image through a kill, a rotten blob and a repair. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { DIGESTS, Homes, run, start } from '../cli/world.js';
import { story } from '../support/story.js';

const homes = new Homes();
let home: string;
let root: string;
beforeAll(async () => {
  home = await homes.make();
  root = join(home, '.local/share/stowage');
});
afterAll(() => homes.removeAll());

const stowage = (...words: string[]) => run(home, words);
const importOne = () => stowage('import', 'some/image:latest', 'one.tar');

const step = story(
  'durability.md',
  'an image lives through a kill, a rotten blob, a repair, and a second import',
);

step(/^An image comes from a pipe, and its import is killed/, async () => {
  const archive = await readFile(join(home, 'one.tar'));
  const killed = start(home, ['import', 'some/image:latest', '-']);
  killed.stdin.on('error', () => {});
  killed.stdin.write(archive.subarray(0, archive.length / 2));
  await until(async () => (await readdir(join(root, 'holders')).catch(() => [])).length > 0);
  killed.kill('SIGKILL');
  await once(killed, 'close');
});

step(/^`stowage fsck` finds leftovers/, async () => {
  expect(await stowage('fsck')).toMatchObject({ status: 0 });
  const left = JSON.parse((await stowage('--json', 'fsck')).stdout);
  assert.ok(left.leftovers > 0);
  expect(left).toMatchObject({ verdict: 'sound', damage: 0, warnings: 0 });
  expect((await stowage('ls', '-q')).stdout).toBe('');
});

step(/^The same import is done again/, async () => {
  expect(await importOne()).toMatchObject({ status: 0 });
  assert.deepEqual(await readdir(join(root, 'holders')), []);
});

step(/^A bit of its layer rots/, async () => {
  const blob = join(root, 'blobs', DIGESTS.amd64Layer.replace(':', '/'));
  const bytes = await readFile(blob);
  bytes[0] = bytes[0]! ^ 1;
  await chmod(blob, 0o644);
  await writeFile(blob, bytes);
  await chmod(blob, 0o444);
  const read = await stowage('content', 'get', DIGESTS.amd64Layer);
  expect(read.status).toBe(5);
  expect(read.stderr).toContain('stowage fsck --repair');
});

step(/^To import it again does not help/, async () => {
  expect(await importOne()).toMatchObject({ status: 0 });
  const found = await stowage('fsck');
  expect(found.status).toBe(5);
  expect(found.stdout).toContain('damage image-incomplete image "some/image:latest"');
});

step(/^`stowage fsck --repair` moves the layer/, async () => {
  expect((await stowage('fsck', '--repair')).status).toBe(5);
  expect(await readdir(join(root, 'quarantine'))).toEqual([DIGESTS.amd64Layer.replace(':', '-')]);
  expect((await stowage('ls', '-q')).stdout).toBe('some/image:latest\n');
});

step(/^Now the import brings the layer back/, async () => {
  expect(await importOne()).toMatchObject({ status: 0 });
  expect((await stowage('fsck')).stdout).toMatch(/^sound: .* 0 damaged, 0 warnings, 0 leftovers$/m);
  expect(await stowage('export', 'out.tar', 'some/image:latest')).toMatchObject({ status: 0 });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((next) => setTimeout(next, 20));
}
