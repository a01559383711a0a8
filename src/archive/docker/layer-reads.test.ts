import { mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { tarOf, type Entry } from '../../../test/support/build-archive.js';
import {
  dockerConfig,
  dockerEntries,
  hexOf,
  layerTar,
  type DockerLayerFile,
} from '../../../test/support/build-docker-archive.js';
import { openMemoryStore } from '../../backends/memory/index.js';
import type { Bytes } from '../../io/byte-source.js';
import { digestOf } from '../../io/hash.js';
import { parseDigest, type Digest } from '../../oci/digest.js';
import { parseImageConfig } from '../../oci/image-config.js';
import type { Store } from '../../images/store.js';
import { importArchive, planArchiveImport, verifyArchive } from '../index.js';
import type { ArchiveFile } from '../layout/archive-file.js';
import { compressLayers } from './compress-layers.js';
import { LayerReader, type LayerPart } from './layer.js';

const LABEL = 'containerd.io/uncompressed';
const base = layerTar('base.txt', 'base');
// Not to be compressed away: what is read is counted in bytes.
const noise = Array.from({ length: 3000 }, (_, at) => hexOf(Buffer.from(`${at}`))).join('');
const more = layerTar('more.txt', noise);
const zipped = gzipSync(more);

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-layers-'));
  store = openMemoryStore();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function fileOf(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'x.tar');
  await writeFile(path, bytes);
  return path;
}

const archiveOf = (...layers: DockerLayerFile[]): Uint8Array => tarOf(dockerEntries(layers, ['a/b:1']));

/** How many bytes of `content`, which is part of the archive, `work` reads from it. */
async function readOf(archive: Uint8Array, content: Uint8Array, work: (path: string) => Promise<unknown>) {
  const path = await fileOf(archive);
  const start = Buffer.from(archive).indexOf(content);
  if (start < 0) throw new Error('the archive has no such content');
  const handle = await open(path);
  const reads = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'read');
  await handle.close();
  await work(path);
  let bytes = 0;
  for (const [, , length, position] of reads.mock.calls as unknown as [unknown, unknown, number, number][]) {
    bytes += Math.max(0, Math.min(position + length, start + content.byteLength) - Math.max(position, start));
  }
  reads.mockRestore();
  return bytes;
}

/** Headers are read together with what follows them, and to see how a layer is compressed takes its first bytes. */
const BESIDES = 64 * 1024;

function expectTimes(bytes: number, times: number, content: Uint8Array): void {
  expect(bytes).toBeGreaterThanOrEqual(times * content.byteLength);
  expect(bytes).toBeLessThanOrEqual(times * content.byteLength + BESIDES);
}

describe('a plain layer of a Docker archive', () => {
  const archive = archiveOf({ path: 'top/layer.tar', content: more });

  it('is read once by an import, and not by the next one', async () => {
    const work = (path: string) => importArchive(store, path);
    expectTimes(await readOf(archive, more, work), 1, more);
    expectTimes(await readOf(archive, more, work), 0, more);
  });

  it('is read once by a verification', async () => {
    expectTimes(await readOf(archive, more, verifyArchive), 1, more);
  });
});

describe('a compressed layer of a Docker archive', () => {
  const named = (path: string): DockerLayerFile => ({ path, content: zipped, plain: more });
  const byDigest = named(`${hexOf(zipped)}.tar.gz`);
  /** Compressed by its first bytes, and nothing that anybody can unpack. */
  const broken = Buffer.concat([zipped.subarray(0, 20), Buffer.alloc(70_000, 7)]);
  const stated: DockerLayerFile = { path: 'top.tar.gz', content: broken, plain: more };

  it('is read to prove it and to take it in, and then only to see which blob it is', async () => {
    const archive = archiveOf({ path: 'base.tar', content: base }, named('top.tar.gz'));
    const work = (path: string) => importArchive(store, path);
    expectTimes(await readOf(archive, zipped, work), 2, zipped);
    expectTimes(await readOf(archive, zipped, work), 1, zipped);
    expectTimes(await readOf(archive, zipped, verifyArchive), 1, zipped);
  });

  it.each([`${hexOf(zipped)}.tar.gz`, `sha256:${hexOf(zipped)}`, `blobs/sha256/${hexOf(zipped)}`])(
    'is not read again where it is called %s',
    async (path) => {
      const archive = archiveOf(named(path));
      const first = await importArchive(store, await fileOf(archive));
      const bytes = await readOf(archive, zipped, async (file) => {
        expect((await importArchive(store, file)).images).toMatchObject([
          { outcome: 'unchanged', target: first.images[0]?.target },
        ]);
      });
      expectTimes(bytes, 0, zipped);
    },
  );

  it('is read where it is called by the digest of another one', async () => {
    await importArchive(store, await fileOf(archiveOf(byDigest)));
    const other = gzipSync(more, { level: 1 });
    const archive = archiveOf({ path: `${hexOf(other)}.tar.gz`, content: zipped, plain: more });
    expectTimes(await readOf(archive, zipped, (path) => importArchive(store, path)), 1, zipped);
  });

  it('gets the label that says what it unpacks to, also where it was held without', async () => {
    const { digest } = await store.content.put(undefined, () => zipped);
    await importArchive(store, await fileOf(archiveOf(named('top.tar.gz'))));
    expect((await store.content.info(digest))?.labels).toMatchObject({ [LABEL]: `sha256:${hexOf(more)}` });
  });

  it('is not unpacked where the store knows what it unpacks to', async () => {
    await store.content.put(undefined, () => broken, { labels: { [LABEL]: `sha256:${hexOf(more)}` } });
    for (const source of [await fileOf(archiveOf(stated)), archiveOf(stated)]) {
      const { images } = await importArchive(store, source, { onConflict: 'move' });
      expect(images).toHaveLength(1);
    }
  });

  it.each([
    ['knows nothing of it', {}],
    ['knows that it unpacks to something else', { [LABEL]: `sha256:${hexOf(base)}` }],
  ])('is unpacked where the store %s', async (_, labels) => {
    await store.content.put(undefined, () => broken, { labels });
    const importing = importArchive(store, await fileOf(archiveOf(stated)));
    await expect(importing).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('is unpacked where what the store knows is of a blob of the same size', async () => {
    const labels = { [LABEL]: `sha256:${hexOf(more)}` };
    await store.content.put(undefined, () => Buffer.alloc(broken.byteLength, 1), { labels });
    const importing = importArchive(store, await fileOf(archiveOf(stated)));
    await expect(importing).rejects.toMatchObject({ code: 'INVALID' });
  });

  it('makes the same image whatever else the store holds that unpacks to the same', async () => {
    const archive = await fileOf(archiveOf(named('top.tar.gz')));
    const { images } = await importArchive(store, archive);
    store = openMemoryStore();
    // As large, and another blob: only the name of the system in the header differs.
    const twin = Buffer.from(zipped);
    twin[9] = twin[9] === 255 ? 3 : 255;
    expect(Buffer.compare(gunzipSync(twin), more)).toBe(0);
    await store.content.put(undefined, () => twin, { labels: { [LABEL]: `sha256:${hexOf(more)}` } });
    expect((await importArchive(store, archive)).images[0]?.target).toEqual(images[0]?.target);
  });
});

describe('an image of a Docker archive that nobody asked for', () => {
  const sound: DockerLayerFile = { path: 'a.tar.gz', content: zipped, plain: more };
  const damaged: DockerLayerFile = { path: 'b.tar.gz', content: zipped.subarray(0, 4000), plain: base };
  function twoImages(second: DockerLayerFile): Entry[] {
    const images = [sound, second].map((layer, at) => ({ layer, config: `${at}.json`, tag: `x/y:${at}` }));
    return [
      ...images.flatMap(({ layer, config }) => [
        { name: layer.path, content: layer.content },
        { name: config, content: dockerConfig([layer]) },
      ]),
      {
        name: 'manifest.json',
        content: JSON.stringify(
          images.map(({ layer, config, tag }) => ({ Config: config, RepoTags: [tag], Layers: [layer.path] })),
        ),
      },
    ];
  }

  it.each(['a file', 'a stream'])('has no layer unpacked, in %s', async (form) => {
    const bytes = tarOf(twoImages(damaged));
    const source = form === 'a file' ? await fileOf(bytes) : bytes;
    const { images } = await importArchive(store, source, { ref: 'mine:0' });
    expect(images).toMatchObject([{ name: 'mine:0' }]);
    await expect(importArchive(openMemoryStore(), source)).rejects.toMatchObject({ code: 'INVALID' });
    await expect(importArchive(openMemoryStore(), source, { ref: 'mine:1' })).rejects.toMatchObject({
      code: 'INVALID',
    });
  });

  it('has no layer compressed', async () => {
    const plain: DockerLayerFile = { path: 'b.tar', content: base };
    await importArchive(store, await fileOf(tarOf(twoImages(plain))), { ref: 'mine:0', compressBlobs: true });
    for await (const { labels } of store.content.list()) {
      expect(labels[LABEL]).not.toBe(`sha256:${hexOf(base)}`);
    }
  });

  it('is counted as left out', async () => {
    const path = await fileOf(tarOf(twoImages(damaged)));
    const report = await planArchiveImport(store, path, { ref: 'mine:0' });
    const config = dockerConfig([damaged]).byteLength;
    expect(report.leftOut).toEqual({ blobs: 2, bytes: damaged.content.byteLength + config });
  });

  it('is looked at where a digest says what is asked for', async () => {
    const other: DockerLayerFile = { path: 'b.tar.gz', content: gzipSync(base), plain: base };
    const path = await fileOf(tarOf(twoImages(other)));
    const [, second] = (await importArchive(store, path)).images;
    if (second === undefined) throw new Error('no second image');
    const { images } = await importArchive(store, path, { ref: 'mine:it', refObject: second.target.digest });
    expect(images).toMatchObject([{ name: 'mine:it', target: second.target }]);
  });
});

describe('the layers of a Docker archive', () => {
  /** Files that give nothing until so many of them are open; `most` is how many ever were. */
  function waiting(contents: readonly Uint8Array[], many: number) {
    const state = { open: 0, most: 0 };
    let release = () => {};
    const enough = new Promise<void>((resolve) => (release = resolve));
    async function* chunks(content: Uint8Array): Bytes {
      state.open += 1;
      state.most = Math.max(state.most, state.open);
      if (state.open >= many) release();
      await enough;
      yield content;
      state.open -= 1;
    }
    const files = contents.map((content): ArchiveFile => {
      const { byteLength: size } = content;
      return {
        size,
        open: (start = 0, end = size) =>
          end - start < size ? content.subarray(start, end) : chunks(content),
      };
    });
    return { files, state };
  }
  const plains = Array.from({ length: 6 }, (_, at) => layerTar(`${at}.txt`, 'x'.repeat(1000 + at)));
  const sha256 = (bytes: Uint8Array): Digest => parseDigest(`sha256:${hexOf(bytes)}`);
  const reader = () => new LayerReader('"x.tar"', undefined, {});
  function partsOf(files: readonly ArchiveFile[]): LayerPart[] {
    return plains.map((plain, at) => {
      const file = files[at];
      if (file === undefined) throw new Error('no file');
      return { path: `${at}.tar.gz`, file, diffId: sha256(plain) };
    });
  }

  it('are unpacked several at once, and come in their order', async () => {
    const contents = plains.map((plain) => gzipSync(plain));
    const { files, state } = waiting(contents, 3);
    const layers = await reader().expectAll(partsOf(files));
    expect(layers.map(({ digest }) => digest)).toEqual(contents.map((content) => digestOf(content)));
    expect(layers.map(({ diffId }) => diffId)).toEqual(plains.map(sha256));
    expect(state.most).toBe(3);
  });

  it('are measured several at once', async () => {
    const { files, state } = waiting(plains, 3);
    const layers = await reader().measureAll(partsOf(files));
    expect(layers.map(({ diffId }) => diffId)).toEqual(plains.map(sha256));
    expect(state.most).toBe(3);
  });

  it('are unpacked once each, however often they are listed', async () => {
    const { files, state } = waiting(
      plains.map((plain) => gzipSync(plain)),
      1,
    );
    const [part] = partsOf(files);
    if (part === undefined) throw new Error('no part');
    const opened = vi.spyOn(part.file, 'open');
    const layers = await reader().expectAll([part, part, { ...part, path: 'again.tar.gz' }]);
    expect(new Set(layers.map(({ digest }) => digest)).size).toBe(1);
    expect(layers).toHaveLength(3);
    expect(opened.mock.calls.filter(([, end]) => end === undefined)).toHaveLength(1);
    expect(state.most).toBe(1);
  });

  it('are all left alone once one of them is wrong', async () => {
    const contents = plains.map((plain, at) => gzipSync(at === 1 ? base : plain));
    const { files, state } = waiting(contents, 3);
    await expect(reader().expectAll(partsOf(files))).rejects.toMatchObject({
      code: 'MISMATCH',
      detail: { entry: '1.tar.gz' },
    });
    expect(state.most).toBeLessThanOrEqual(3);
  });

  it('are compressed several at once, and listed in their order', async () => {
    const { files, state } = waiting(plains, 2);
    const layers = partsOf(files).map(({ file, diffId }) => ({
      file,
      diffId,
      digest: diffId,
      compression: 'none' as const,
    }));
    const raw = dockerConfig(plains.map((content, at) => ({ path: `${at}`, content })));
    const image = { config: parseImageConfig(raw, 'a config'), layers, repoTags: [] };
    const written = new Set<Digest>();
    const [compressed, same] = await compressLayers([image, image], '"x.tar"', store.content, written, {});
    expect(compressed?.layers.map(({ diffId }) => diffId)).toEqual(plains.map(sha256));
    expect(same?.layers).toEqual(compressed?.layers);
    expect(written).toEqual(new Set(compressed?.layers.map(({ digest }) => digest)));
    expect(state.most).toBe(2);
  });
});
