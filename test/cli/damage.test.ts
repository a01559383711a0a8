/** A store whose content was changed behind its back: the command finds out before anything whole comes of it. */
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMAND, DIGESTS, environment, Homes, run } from './world.js';

const homes = new Homes();
afterAll(() => homes.removeAll());

const layerHex = DIGESTS.amd64Layer.slice('sha256:'.length);
let home: string;

beforeAll(async () => {
  home = await homes.make();
  expect(await run(home, ['import', 'some/image:latest', 'one.tar'])).toMatchObject({ status: 0 });
  const blob = join(home, '.local/share/stowage/blobs/sha256', layerHex);
  const bytes = await readFile(blob);
  bytes[600] = bytes[600]! ^ 1;
  await chmod(blob, 0o644);
  await writeFile(blob, bytes);
});

describe('a blob with one wrong bit', () => {
  it('is not written whole by content get, which exits with 5', async () => {
    const { status, stdout, stderr } = await run(home, ['content', 'get', DIGESTS.amd64Layer]);
    expect(status).toBe(5);
    expect(stderr).toContain(layerHex);
    expect(stderr).toContain('stowage fsck --repair');
    expect(stdout.length).toBeLessThan(2048);
  });

  it('fails an export to a file, of which nothing is left', async () => {
    const before = await readdir(home);
    const { status, stdout, stderr } = await run(home, ['export', 'out.tar', 'some/image']);
    expect({ status, stdout }).toEqual({ status: 5, stdout: '' });
    expect(stderr).toContain(layerHex);
    expect(await readdir(home)).toEqual(before);
  });

  it('fails an export to a pipe so that nobody takes it for whole', async () => {
    const words = [COMMAND, 'export', '-', 'some/image'];
    const archive = spawnSync(process.execPath, words, { cwd: home, env: environment(home) });
    expect(archive.status).toBe(5);
    const tar = spawnSync('tar', ['tf', '-'], { input: archive.stdout });
    expect(tar.status).not.toBe(0);
  });
});

describe('fsck of such a store', () => {
  it('says what is damaged and which image needs it, and exits with 5', async () => {
    const { status, stdout } = await run(home, ['fsck']);
    expect(status).toBe(5);
    expect(stdout).toMatch(new RegExp(`^damage blob-digest blobs/sha256/${layerHex}: `, 'm'));
    expect(stdout).toMatch(/^damage image-incomplete image "some\/image:latest" of namespace "default": /m);
    expect(stdout).toMatch(/^damaged: \d+ blobs of .*, 2 damaged, 0 warnings, 0 leftovers$/m);
  });

  it('moves it away with --repair, and importing again heals the image', async () => {
    const { status, stdout } = await run(home, ['fsck', '--repair']);
    expect(status).toBe(5);
    expect(stdout).toMatch(/^repaired blob-digest .*; moved it to ".*quarantine\/sha256-/m);
    expect(stdout).toMatch(/^damaged: .*, 1 damaged, 0 warnings, 0 leftovers, 1 repaired$/m);
    expect(await run(home, ['import', 'some/image:latest', 'one.tar'])).toMatchObject({ status: 0 });
    expect(await run(home, ['fsck'])).toMatchObject({ status: 0 });
    expect(await run(home, ['export', 'out.tar', 'some/image'])).toMatchObject({ status: 0 });
  });
});
