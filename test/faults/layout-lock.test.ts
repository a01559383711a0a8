import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { config, layer, manifest } from '../../src/testing/build-image.js';
import { layoutTar, named } from '../support/build-archive.js';

/** Processes that are killed or stopped while they hold the lock of a layout's index, and the exports after them. */

const run = promisify(execFile);
const COMMAND = fileURLToPath(new URL('../../dist/bin/stowage.js', import.meta.url));
const LOCK = new URL('../../dist/archive/export/index-lock.js', import.meta.url).href;
const NAMES = ['example.com/a:1', 'example.com/b:1', 'example.com/c:1'];

let folder: string;
let layout: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-lock-'));
  layout = join(folder, 'layout');
  const archive = join(folder, 'images.tar');
  const image = manifest(config({}), layer('a', 'a'));
  await writeFile(archive, layoutTar(...NAMES.map((name) => named(name, image))));
  await stowage('images', 'import', archive);
  await exportImage(NAMES[0]!);
});
afterEach(() => rm(folder, { recursive: true }));

const stowage = (...args: string[]) =>
  run(process.execPath, [COMMAND, '--root', join(folder, 'root'), ...args]);
const exportImage = (name: string) => stowage('images', 'export', `${layout}/`, name);

/** A process that holds the lock, then sends itself a signal. */
function holder(signal: NodeJS.Signals) {
  const program = `
    const { updateUnderLock } = await import(${JSON.stringify(LOCK)});
    await updateUnderLock(${JSON.stringify(join(layout, 'index.json'))}, (existing) => {
      process.kill(process.pid, ${JSON.stringify(signal)});
      return existing;
    });`;
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' });
}

async function listed(): Promise<string[]> {
  const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'));
  return manifests.map(
    (each: { annotations: Record<string, string> }) => each.annotations['io.containerd.image.name'],
  );
}

async function isWhole(): Promise<void> {
  assert.deepEqual((await readdir(layout)).sort(), ['blobs', 'index.json', 'oci-layout']);
  await stowage('images', 'import', '--dry-run', layout);
}

describe('the lock of a layout', () => {
  it('that a killed process held is broken by the next export', async () => {
    const killed = holder('SIGKILL');
    assert.deepEqual(await once(killed, 'exit'), [null, 'SIGKILL']);
    assert.ok((await readdir(layout)).includes('index.json.lock'));
    await Promise.all(NAMES.slice(1).map(exportImage));
    assert.deepEqual((await listed()).sort(), NAMES);
    await isWhole();
  });

  it('that a stopped process held is broken, and it goes on with what is there then', async () => {
    const stopped = holder('SIGSTOP');
    try {
      while (!(await readdir(layout)).includes('index.json.lock')) {
        assert.equal(stopped.exitCode, null);
      }
      await exportImage(NAMES[1]!);
      assert.deepEqual((await listed()).sort(), NAMES.slice(0, 2));
    } finally {
      // It stops itself again when it begins again.
      const going = setInterval(() => stopped.kill('SIGCONT'), 50);
      await once(stopped, 'exit').finally(() => clearInterval(going));
    }
    assert.equal(stopped.exitCode, 0);
    assert.deepEqual((await listed()).sort(), NAMES.slice(0, 2));
    await isWhole();
  });
});
