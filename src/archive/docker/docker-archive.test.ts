import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layoutEntries, named, tarOf, type Entry } from '../../../test/support/build-archive.js';
import {
  dockerConfig,
  dockerEntries,
  hexOf,
  layerTar,
  type DockerLayerFile,
} from '../../../test/support/build-docker-archive.js';
import { openMemoryStore } from '../../backends/memory/index.js';
import { readBlob, readDocument } from '../../content/read.js';
import { isStowageError, type StowageError } from '../../errors.js';
import type { Store } from '../../images/store.js';
import { loadZstd } from '../../io/compression/zstd-library.js';
import * as build from '../../testing/build-image.js';
import { inPieces } from '../../testing/content.js';
import { importArchive, planArchiveImport, type ImportResult } from '../index.js';

const run = promisify(execFile);
const base = layerTar('base.txt', 'base');
const plain: DockerLayerFile = { path: 'base/layer.tar', content: base };
const more = layerTar('more.txt', 'x'.repeat(200_000));
const top: DockerLayerFile = { path: 'top/layer.tar', content: more };
const zipped: DockerLayerFile = { path: 'top.tar.gz', content: gzipSync(more), plain: more };

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-docker-'));
  store = openMemoryStore();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function fileOf(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'x.tar');
  await writeFile(path, bytes);
  return path;
}

/** Every way an archive may come in. */
const forms: Readonly<Record<string, (entries: readonly Entry[]) => Promise<ImportResult>>> = {
  'from a file': async (entries) => importArchive(store, await fileOf(tarOf(entries))),
  'from a stream': (entries) => importArchive(store, inPieces(tarOf(entries), 5000)),
  'from a compressed file': async (entries) => importArchive(store, await fileOf(gzipSync(tarOf(entries)))),
  'from a compressed stream': (entries) => importArchive(store, inPieces(gzipSync(tarOf(entries)), 5000)),
  'from a folder': async (entries) => {
    const unpacked = join(folder, 'unpacked');
    await mkdir(unpacked);
    await run('tar', ['-C', unpacked, '-xf', await fileOf(tarOf(entries))]);
    return importArchive(store, unpacked);
  },
};

/** A shape of archive, and the digest that ctr 2 gives its image in an empty namespace. */
const entriesOf = (...layers: DockerLayerFile[]): Entry[] => dockerEntries(layers, ['busybox']);

async function failure(work: Promise<unknown>): Promise<StowageError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isStowageError(error))
    throw new Error(`expected a StowageError, got ${String(error)}`, { cause: error });
  expect(error.message).not.toContain('\n');
  for await (const { name } of store.images.list()) throw new Error(`${name} was named`);
  return error;
}

const replaced = (entries: readonly Entry[], name: string, content: Entry['content']): Entry[] =>
  entries.map((entry) =>
    entry.name === name ? { ...entry, ...(content === undefined ? {} : { content }) } : entry,
  );

describe.each(Object.entries(forms))('a Docker archive %s', (_, from) => {
  it('becomes an image with a manifest of its own, which the layers are held by', async () => {
    const { images } = await from(entriesOf(plain, top));
    expect(images).toMatchObject([
      {
        name: 'docker.io/library/busybox:latest',
        platforms: [{ platform: 'linux/amd64', state: 'complete' }],
      },
    ]);
    const target = images[0]?.target;
    if (target === undefined) throw new Error('no image');
    const manifest = await readDocument(store.content, target);
    expect(manifest).toMatchObject({
      kind: 'manifest',
      mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
      config: { mediaType: 'application/vnd.docker.container.image.v1+json' },
      layers: [plain, top].map(({ content }) => ({
        mediaType: 'application/vnd.docker.image.rootfs.diff.tar',
        digest: `sha256:${hexOf(content)}`,
        size: content.byteLength,
      })),
    });
    const held: string[] = [];
    for await (const { digest } of store.content.list()) held.push(digest);
    const parts = [plain.content, top.content, dockerConfig([plain, top]), manifest.raw];
    expect(held.sort()).toEqual(parts.map((bytes) => `sha256:${hexOf(bytes)}`).sort());
  });

  it('takes the manifest first, and names that begin with ./', async () => {
    const entries = entriesOf(plain, top).map((entry) => ({ ...entry, name: `./${entry.name}` }));
    const [target] = (await from(entries.reverse())).images.map((image) => image.target.digest);
    store = openMemoryStore();
    await rm(join(folder, 'unpacked'), { recursive: true, force: true });
    expect((await from(entriesOf(plain, top))).images[0]?.target.digest).toBe(target);
  });

  it('knows what is compressed by looking at it', async () => {
    const [image] = (await from(entriesOf(plain, zipped))).images;
    if (image === undefined) throw new Error('no image');
    expect(await readDocument(store.content, image.target)).toMatchObject({
      layers: [
        { mediaType: 'application/vnd.docker.image.rootfs.diff.tar' },
        {
          mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
          digest: `sha256:${hexOf(zipped.content)}`,
        },
      ],
    });
  });

  it('gets the types of OCI where a layer is zstd', async () => {
    const encoder = (await loadZstd()).createEncoder(3);
    encoder.end(more);
    const parts: Uint8Array[] = [];
    for await (const part of encoder) parts.push(part as Uint8Array);
    const layer = { path: 'top.tar.zst', content: Buffer.concat(parts), plain: more };
    const [image] = (await from(entriesOf(plain, zipped, layer))).images;
    if (image === undefined) throw new Error('no image');
    expect(image.target.mediaType).toBe('application/vnd.oci.image.manifest.v1+json');
    expect(await readDocument(store.content, image.target)).toMatchObject({
      config: { mediaType: 'application/vnd.oci.image.config.v1+json' },
      layers: [
        { mediaType: 'application/vnd.oci.image.layer.v1.tar' },
        { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip' },
        { mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' },
      ],
    });
  });

  it('may have layers that are links, keys in lower case, several names and several images', async () => {
    const config = dockerConfig([plain, plain]);
    const other = dockerConfig([plain], { architecture: 'arm64' });
    const { images } = await from([
      { name: 'two/layer.tar', type: 'symlink', linkName: '../one/layer.tar' },
      { name: 'one/layer.tar', content: base },
      { name: 'config.json', content: config },
      { name: 'other.json', content: other },
      {
        name: 'manifest.json',
        content: JSON.stringify([
          {
            config: 'config.json',
            repoTags: ['a/b:1', 'example.org/a/b'],
            layers: ['one/layer.tar', './two/layer.tar'],
          },
          { Config: './other.json', RepoTags: ['c:2'], Layers: ['two/layer.tar'] },
        ]),
      },
    ]);
    expect(images.map(({ name, platforms }) => [name, platforms[0]?.platform])).toEqual([
      ['docker.io/a/b:1', 'linux/amd64'],
      ['example.org/a/b:latest', 'linux/amd64'],
      ['docker.io/library/c:2', 'linux/arm64'],
    ]);
  });

  it('counts less than an OCI layout, unless that lists nothing', async () => {
    const image = named('x', build.manifest(build.config(), build.layer('a', 'b')));
    const layout = layoutEntries(build.index(image));
    const docker = entriesOf(plain);
    expect((await from([...docker, ...layout])).images.map(({ target }) => target.digest)).toEqual([
      image.descriptor.digest,
    ]);
    await rm(join(folder, 'unpacked'), { recursive: true, force: true });
    const content = '{"schemaVersion":2,"manifests":null}';
    const empty = replaced(layout, 'index.json', content);
    const { images } = await from([...empty, ...docker]);
    expect(images.map(({ name }) => name)).toEqual(['docker.io/library/busybox:latest']);
  });

  it.each([
    ['a layer that is not there', /layer "base\/layer.tar" not found/, () => entriesOf(plain).slice(1)],
    [
      'a config that is not there',
      /image config "[0-9a-f]{64}.json" not found/,
      () => [...entriesOf(plain).slice(0, 1), ...entriesOf(plain).slice(2)],
    ],
    [
      'a plain layer that is another',
      /sha256:/,
      () => replaced(entriesOf(plain), plain.path, layerTar('base.txt', 'evil')),
    ],
    [
      'a compressed layer that is another',
      /layer "top.tar.gz"/,
      () => replaced(entriesOf(zipped), zipped.path, gzipSync(base)),
    ],
    [
      'a config that is not what it is called',
      /"[0-9a-f]{64}.json".*its content has the digest/,
      () => {
        const entries = entriesOf(plain);
        return replaced(entries, entries[1]?.name ?? '', dockerConfig([plain], { author: 'another' }));
      },
    ],
    [
      'fewer layers than the config states',
      /states 2 layers, "manifest.json" lists 1/,
      () => [
        { name: plain.path, content: base },
        { name: 'config.json', content: dockerConfig([plain, top]) },
        { name: 'manifest.json', content: JSON.stringify([{ Config: 'config.json', Layers: [plain.path] }]) },
      ],
    ],
    [
      'layers that are links in a circle',
      /circle/,
      () => [
        { name: 'a', type: 'symlink' as const, linkName: 'b' },
        { name: 'b', type: 'symlink' as const, linkName: 'a' },
        { name: 'config.json', content: dockerConfig([plain]) },
        { name: 'manifest.json', content: JSON.stringify([{ Config: 'config.json', Layers: ['a'] }]) },
      ],
    ],
    [
      'a manifest that is no list',
      /"manifest.json" of .*is not a list/,
      () => [{ name: 'manifest.json', content: '{}' }],
    ],
    [
      'a manifest with a key in two cases',
      /the key "layers" twice/,
      () => [{ name: 'manifest.json', content: '[{"Config":"c","Layers":[],"layers":[]}]' }],
    ],
  ] as const)('is refused with %s', async (_what, message, entries) => {
    expect((await failure(from(entries()))).message).toMatch(message);
  });
});

describe('a Docker archive', () => {
  it('may have a part twice, but not with different configs', async () => {
    const entries = entriesOf(plain);
    const again = await importArchive(store, tarOf([...entries, ...entries]));
    expect(again.images).toHaveLength(1);
    store = openMemoryStore();
    const forged = { name: 'config.json', content: dockerConfig([plain], { author: 'another' }) };
    const config = { name: './config.json', content: dockerConfig([plain]) };
    const manifest = JSON.stringify([{ Config: 'config.json', Layers: [plain.path] }]);
    const both = [forged, config, ...entries.slice(0, 1), { name: 'manifest.json', content: manifest }];
    expect((await failure(importArchive(store, tarOf(both)))).message).toMatch(
      /image config "config.json" twice, with different content/,
    );
  });

  it('is named by the digest of its image where it says nothing', async () => {
    const { images } = await importArchive(store, tarOf(dockerEntries([plain], null)));
    expect(images).toMatchObject([{ unnamed: true }]);
  });

  it('is the same image whatever the store holds', async () => {
    const path = await fileOf(tarOf(entriesOf(plain, top)));
    const first = await importArchive(store, path);
    store = openMemoryStore();
    const labels = { 'containerd.io/uncompressed': `sha256:${hexOf(more)}` };
    await store.content.put(undefined, () => zipped.content, { labels });
    expect((await importArchive(store, path)).images[0]?.target).toEqual(first.images[0]?.target);
  });

  it('can be planned from a pipe, for nothing of a plain layer has to be read again', async () => {
    const { images } = await planArchiveImport(store, inPieces(gzipSync(tarOf(entriesOf(plain, top))), 5000));
    expect(images).toMatchObject([{ name: 'docker.io/library/busybox:latest' }]);
    for await (const { digest } of store.content.list()) throw new Error(`${digest} was stored`);
  });

  it('has its plain layers compressed where that is asked for, each once', async () => {
    const expected = importArchive(openMemoryStore(), tarOf(entriesOf(plain, top, plain)), {
      compressBlobs: true,
    });
    const [whole] = (await expected).images;
    for (const from of [
      await fileOf(tarOf(entriesOf(plain, top, plain))),
      inPieces(tarOf(entriesOf(plain, top, plain)), 5000),
    ]) {
      store = openMemoryStore();
      const { images } = await importArchive(store, from, { compressBlobs: true });
      const target = images[0]?.target;
      if (target === undefined) throw new Error('no image');
      expect(target).toEqual(whole?.target);
      const manifest = await readDocument(store.content, target);
      if (manifest.kind !== 'manifest') throw new Error('no manifest');
      const [first, second, third] = manifest.layers;
      if (first === undefined || second === undefined) throw new Error('no layers');
      expect(third).toEqual(first);
      expect(second.mediaType).toBe('application/vnd.docker.image.rootfs.diff.tar.gzip');
      expect(Buffer.compare(gunzipSync(await readBlob(store.content, second)), more)).toBe(0);
      expect((await store.content.info(second.digest))?.labels).toMatchObject({
        'containerd.io/uncompressed': `sha256:${hexOf(more)}`,
      });
    }
  });

  it('is proven while its layers are compressed', async () => {
    const damaged = replaced(entriesOf(plain, top), top.path, Buffer.alloc(more.byteLength));
    const importing = importArchive(store, await fileOf(tarOf(damaged)), { compressBlobs: true });
    expect(await failure(importing)).toMatchObject({ code: 'MISMATCH' });
  });

  it('reads no plain layer that is held already', async () => {
    const entries = entriesOf(plain, top);
    await importArchive(store, await fileOf(tarOf(entries)));
    const damaged = replaced(entries, top.path, Buffer.alloc(more.byteLength));
    const { blobs } = await importArchive(store, await fileOf(tarOf(damaged)));
    expect(blobs.written).toBe(0);
  });

  it('that is cut off between two entries is said to be', async () => {
    const cut = tarOf([...entriesOf(plain)].reverse().slice(0, 2), { end: false });
    expect((await failure(importArchive(store, cut))).message).toMatch(/cut off/);
  });

  it('may hold links that lead nowhere, if no image needs them', async () => {
    const stray: Entry = { name: 'stray/layer.tar', type: 'symlink', linkName: '../../../etc/shadow' };
    expect((await importArchive(store, tarOf([stray, ...entriesOf(plain)]))).images).toHaveLength(1);
  });
});
