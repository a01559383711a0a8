import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layoutEntries, named, pathOf, type Entry } from '../../../test/support/build-archive.js';
import { dockerEntries, layerTar } from '../../../test/support/build-docker-archive.js';
import { openMemoryStore } from '../../backends/memory/index.js';
import { isStowageError, type StowageError } from '../../errors.js';
import type { Store } from '../../images/store.js';
import { config, index, layer, manifest } from '../../testing/build-image.js';
import { importArchive } from '../index.js';

const base = layer('base.txt', 'base'.repeat(100_000));
const hello = manifest(config(), base);
const entries = layoutEntries(index(named('a/b:1', hello)));

let folder: string;
let outside: string;
let store: Store;
beforeEach(async () => {
  const place = await mkdtemp(join(tmpdir(), 'stowage-folder-'));
  folder = join(place, 'layout');
  outside = join(place, 'outside');
  await mkdir(folder);
  await mkdir(outside);
  store = openMemoryStore();
});
afterEach(() => rm(dirname(folder), { recursive: true, force: true }));

async function unpack(all: readonly Entry[]): Promise<void> {
  for (const { name, content = '' } of all) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

async function failure(): Promise<StowageError> {
  const error = await importArchive(store, folder).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isStowageError(error))
    throw new Error(`expected a StowageError, got ${String(error)}`, { cause: error });
  return error;
}

describe('importArchive() from a folder', () => {
  it.each([
    ['its path', () => folder],
    ['its path with a slash', () => `${folder}/`],
    ['its URL', () => pathToFileURL(folder)],
  ])('reads an image layout by %s', async (_, source) => {
    await unpack(entries);
    const { images, blobs } = await importArchive(store, source());
    expect(images).toMatchObject([{ name: 'a/b:1', target: { digest: hello.descriptor.digest } }]);
    expect(blobs.written).toBe(3);
  });

  it('passes over what is no part of a layout', async () => {
    await unpack([
      ...entries,
      { name: '.cache/x', content: 'x' },
      { name: 'blobs/sha256/.tmp-1', content: 'x' },
    ]);
    await symlink('/etc/passwd', join(folder, 'README'));
    expect((await importArchive(store, folder)).images).toHaveLength(1);
  });

  it('refuses a blob that is not what it is called', async () => {
    await unpack(
      entries.map((entry) =>
        entry.name === pathOf(base) ? { ...entry, content: Buffer.alloc(base.bytes.byteLength) } : entry,
      ),
    );
    expect(await failure()).toMatchObject({ code: 'MISMATCH' });
  });

  it('says what is missing', async () => {
    await unpack(entries.filter(({ name }) => name !== 'index.json'));
    expect((await failure()).message).toMatch(/missing index.json/);
    await rm(join(folder, 'oci-layout'));
    expect((await failure()).message).toMatch(/unrecognized image format/);
  });

  it.each(['index.json', pathOf(base), 'blobs', 'blobs/sha256'])(
    'refuses a symbolic link for %s, which could lead out of it',
    async (name) => {
      await unpack(entries);
      await rename(join(folder, name), join(outside, 'moved'));
      await symlink(join(outside, 'moved'), join(folder, name));
      const error = await failure();
      expect(error.code).toBe('INVALID');
      expect(error.message).toContain(`${JSON.stringify(name)}: it is a symbolic link`);
    },
  );

  it('does not wait for a pipe in the place of a blob', async () => {
    await unpack(entries.filter(({ name }) => name !== pathOf(base)));
    await promisify(execFile)('mkfifo', [join(folder, pathOf(base))]);
    expect((await failure()).message).toMatch(/it is not a regular file/);
  });

  it('never reads a file outside for a layer of Docker', async () => {
    const secret = layerTar('secret.txt', 'secret');
    await writeFile(join(outside, 'layer.tar'), secret);
    await unpack(dockerEntries([{ path: 'a/layer.tar', content: secret }], ['a/b:1']));
    expect((await importArchive(openMemoryStore(), folder)).images).toHaveLength(1);
    await rm(join(folder, 'a/layer.tar'));
    await symlink('../../outside/layer.tar', join(folder, 'a/layer.tar'));
    expect((await failure()).message).toMatch(/no target for the link/);
    await rm(join(folder, 'a'), { recursive: true });
    await symlink(outside, join(folder, 'a'));
    expect((await failure()).message).toMatch(/layer "a\/layer.tar" not found/);
  });
});
