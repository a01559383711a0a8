/** The story of docs/concepts/durability.md: one image through a kill, a rotten blob, a repair and a second import. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { DIGESTS, Homes, run, start } from '../cli/world.js';

const homes = new Homes();
afterAll(() => homes.removeAll());

it('an image lives through a kill, a rotten blob, a repair, and a second import', async () => {
  const home = await homes.make();
  const root = join(home, '.local/share/stowage');
  const archive = await readFile(join(home, 'one.tar'));

  // Half of an archive comes from a pipe when the process is killed.
  const killed = start(home, ['import', 'some/image:latest', '-']);
  killed.stdin.on('error', () => {});
  killed.stdin.write(archive.subarray(0, archive.length / 2));
  await until(async () => (await readdir(join(root, 'holders')).catch(() => [])).length > 0);
  killed.kill('SIGKILL');
  await once(killed, 'close');

  // What it left is no damage, and no name.
  expect(await run(home, ['fsck'])).toMatchObject({ status: 0 });
  const left = JSON.parse((await run(home, ['--json', 'fsck'])).stdout);
  assert.ok(left.leftovers > 0);
  expect(left).toMatchObject({ verdict: 'sound', damage: 0, warnings: 0 });
  expect((await run(home, ['ls', '-q'])).stdout).toBe('');

  // The next command goes on as if nothing had been.
  expect(await run(home, ['import', 'some/image:latest', 'one.tar'])).toMatchObject({ status: 0 });
  assert.deepEqual(await readdir(join(root, 'holders')), []);

  // A bit of its layer rots.
  const blob = join(root, 'blobs', DIGESTS.amd64Layer.replace(':', '/'));
  const bytes = await readFile(blob);
  bytes[0] = bytes[0]! ^ 1;
  await chmod(blob, 0o644);
  await writeFile(blob, bytes);
  await chmod(blob, 0o444);

  // Nobody gets it for whole, and it is told what to do.
  const read = await run(home, ['content', 'get', DIGESTS.amd64Layer]);
  expect(read.status).toBe(5);
  expect(read.stderr).toContain('stowage fsck --repair');

  // To import again does not help: what is on record is not read.
  expect(await run(home, ['import', 'some/image:latest', 'one.tar'])).toMatchObject({ status: 0 });
  const found = await run(home, ['fsck']);
  expect(found.status).toBe(5);
  expect(found.stdout).toContain('damage image-incomplete image "some/image:latest"');

  // The repair takes it away and keeps the name; only an import has the content.
  expect((await run(home, ['fsck', '--repair'])).status).toBe(5);
  expect(await readdir(join(root, 'quarantine'))).toEqual([DIGESTS.amd64Layer.replace(':', '-')]);
  expect((await run(home, ['ls', '-q'])).stdout).toBe('some/image:latest\n');

  expect(await run(home, ['import', 'some/image:latest', 'one.tar'])).toMatchObject({ status: 0 });
  expect((await run(home, ['fsck'])).stdout).toMatch(/^sound: .* 0 damaged, 0 warnings, 0 leftovers$/m);
  expect(await run(home, ['export', 'out.tar', 'some/image:latest'])).toMatchObject({ status: 0 });
});

async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((next) => setTimeout(next, 20));
}
