import { createHash, randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import { openMemoryStore } from '../../backends/memory/index.js';
import type { ProgressEvent } from '../../content/progress.js';
import { readDocument } from '../../content/read.js';
import type { Store } from '../../images/store.js';
import { decompress } from '../../io/compression/decompress.js';
import { fromSource } from '../../io/streams.js';
import { children } from '../../oci/children.js';
import { DOCKER_LAYER_GZIP, OCI_EMPTY, OCI_LAYER, OCI_LAYER_ZSTD } from '../../oci/media-type.js';
import {
  blob,
  config,
  forPlatform,
  index,
  layer,
  manifest,
  pointedTo,
  putImage,
  type Built,
} from '../../testing/build-image.js';
import { exportedBytes, filesOf, jsonIn } from '../../../test/support/read-archive.js';
import { exportArchive, importArchive, type ExportOptions } from '../index.js';

const plain = blob('a layer as it is', OCI_LAYER);
const zipped = blob('a layer in gzip', DOCKER_LAYER_GZIP);
const amd64 = manifest(config(), plain, zipped);
const arm64 = manifest(config({ architecture: 'arm64' }), plain);
const both = index(forPlatform('linux/arm64', arm64), forPlatform('linux/amd64', amd64));
const hexOf = ({ descriptor }: Built) => descriptor.digest.slice('sha256:'.length);

let store: Store;
beforeEach(() => {
  store = openMemoryStore();
});

async function keep(name: string, image: Built): Promise<void> {
  await putImage(store.content, image);
  await store.images.apply([{ op: 'create', name, target: image.descriptor }]);
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
async function decompressed(bytes: Uint8Array): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of decompress(fromSource(bytes))) chunks.push(chunk);
  return Buffer.concat(chunks);
}
const bytesOf = async (options: ExportOptions) =>
  (await exportedBytes(store, ['docker.io/library/a:latest'], options)).bytes;

describe('the format docker', () => {
  it('is a manifest.json and the files it names, each called what it is', async () => {
    await keep('docker.io/library/a:latest', both);
    const files = await filesOf(await bytesOf({ format: 'docker' }));
    const paths = [`${hexOf(config())}.json`, `${hexOf(plain)}.tar`, `${hexOf(zipped)}.tar.gz`];
    expect([...files.keys()]).toEqual(['manifest.json', ...paths]);
    expect(jsonIn(files, 'manifest.json')).toEqual([
      { Config: paths[0], RepoTags: ['a:latest'], Layers: paths.slice(1) },
    ]);
    expect(files.get(paths[1] as string)?.equals(plain.bytes)).toBe(true);
  });

  it('is written with the same bytes wherever that happens', async () => {
    await keep('docker.io/library/a:latest', both);
    expect(sha256(await bytesOf({ format: 'docker' }))).toMatchInlineSnapshot(
      `"dc08f24726f6a1d4d8b5160dbedb41d376cdeb176a38b975ef1da7068ce7dc39"`,
    );
  });

  it('holds one platform of an image, and says that the others were left out', async () => {
    await keep('docker.io/library/a:latest', both);
    const platformsOf = async (options: ExportOptions) =>
      (await exportedBytes(store, ['a'], { format: 'docker', ...options })).result.images[0]?.platforms.map(
        ({ platform, state }) => [platform, state],
      );
    expect(await platformsOf({})).toEqual([
      ['linux/arm64', 'left-out'],
      ['linux/amd64', 'complete'],
    ]);
    const arm = [{ os: 'linux', architecture: 'arm64' }];
    expect(await platformsOf({ platforms: arm })).toEqual([
      ['linux/arm64', 'complete'],
      ['linux/amd64', 'left-out'],
    ]);
  });

  it('lists layers that images share once among the files', async () => {
    await keep('docker.io/library/a:latest', amd64);
    await keep('docker.io/library/b:latest', arm64);
    const { bytes, result } = await exportedBytes(store, ['a', 'b'], { format: 'docker' });
    const files = await filesOf(bytes);
    expect([...files.keys()].filter((name) => name.endsWith('.tar'))).toHaveLength(1);
    expect([files.size, result.blobs, result.size]).toEqual([5, 4, bytes.byteLength]);
  });

  it('is read again, with the names it held and configs and layers as they were', async () => {
    // Only what Docker could load: layers are what they say, and the config knows them.
    const gzipped = pointedTo(blob(gzipSync(layer('a', 'a').bytes)), { mediaType: DOCKER_LAYER_GZIP });
    const diffId = layer('a', 'a').descriptor.digest;
    const image = manifest(config({ rootfs: { type: 'layers', diff_ids: [diffId] } }), gzipped);
    await keep('docker.io/library/a:latest', image);
    const second = openMemoryStore();
    const { images } = await importArchive(second, await bytesOf({ format: 'docker' }));
    expect(images.map(({ name }) => name)).toEqual(['docker.io/library/a:latest']);
    const [read] = images;
    const document = await readDocument(second.content, read!.target);
    expect(children(document).map(({ digest }) => digest)).toEqual(
      [config({ rootfs: { type: 'layers', diff_ids: [diffId] } }), gzipped].map(
        ({ descriptor }) => descriptor.digest,
      ),
    );
  });

  it('refuses what Docker could not load, and options for an index', async () => {
    await keep('example.org/sbom:1', manifest(blob('{}', OCI_EMPTY), { artifactType: 'example/sbom' }));
    await keep('docker.io/library/a:latest', both);
    const platforms = ['amd64', 'arm64'].map((architecture) => ({ os: 'linux', architecture }));
    for (const [names, options, reason] of [
      [['example.org/sbom:1', 'a'], {}, 'nothing in it is an image that Docker could load'],
      [['a'], { reduceIndex: true }, 'the format docker has none'],
      [['a'], { ociRefName: 'x' }, 'the format docker has none'],
      [['a'], { skipManifestJson: true }, 'which is to be left out'],
      [['a'], { platforms }, 'one platform'],
    ] as const) {
      await expect(exportedBytes(store, names, { format: 'docker', ...options })).rejects.toMatchObject({
        code: 'INVALID',
        message: expect.stringContaining(reason) as string,
      });
    }
  });

  it('warns of layers that only a newer Docker can read', async () => {
    const zstd = blob('a layer in zstd', OCI_LAYER_ZSTD);
    await keep('docker.io/library/a:latest', manifest(config(), zstd));
    const events: ProgressEvent[] = [];
    const { bytes } = await exportedBytes(store, ['a'], {
      format: 'docker',
      onProgress: (event) => events.push(event),
    });
    expect(events).toContainEqual({
      kind: 'warning',
      message: expect.stringContaining('Docker reads since version 23') as string,
    });
    expect([...(await filesOf(bytes)).keys()]).toContain(`${hexOf(zstd)}.tar.zst`);
  });
});

describe('the format oci', () => {
  it('is what skipManifestJson writes, and the hybrid without manifest.json', async () => {
    await keep('docker.io/library/a:latest', both);
    const bytes = await bytesOf({ format: 'oci' });
    expect(bytes.equals(await bytesOf({ skipManifestJson: true }))).toBe(true);
    expect(sha256(bytes)).toMatchInlineSnapshot(
      `"2ff482f7cb307e1c3793ea9fa77425d52e6298629090b510f9d765134d843ad5"`,
    );
    const names = [...(await filesOf(await bytesOf({}))).keys()];
    expect([...(await filesOf(bytes)).keys()]).toEqual(names.filter((name) => name !== 'manifest.json'));
  });
});

describe('a compressed export', () => {
  it.each(['gzip', 'zstd'] as const)(
    'is the same archive in %s, the same bytes each time',
    async (compress) => {
      await keep('docker.io/library/a:latest', both);
      const { bytes, result } = await exportedBytes(store, ['a'], { compress });
      expect(result.size).toBe(bytes.byteLength);
      expect(bytes.equals(await bytesOf({ compress }))).toBe(true);
      expect((await decompressed(bytes)).equals(await bytesOf({}))).toBe(true);
      const { images } = await importArchive(openMemoryStore(), bytes, { require: 'all' });
      expect(images.map(({ name }) => name)).toEqual(['docker.io/library/a:latest']);
    },
  );

  it.each(['gzip', 'zstd'] as const)('that failed is no whole %s', async (compress) => {
    const large = layer('large', randomBytes(3 << 20));
    await keep('docker.io/library/a:latest', manifest(config(), large));
    const broken: Store['content'] = {
      ...store.content,
      claim: (...given) => store.content.claim(...given),
      stat: (...given) => store.content.stat(...given),
      info: (...given) => store.content.info(...given),
      read: (target, options) => {
        if (target.digest !== large.descriptor.digest) return store.content.read(target, options);
        return (async function* () {
          const [chunk] = [large.bytes.subarray(0, 2 << 20)];
          yield chunk;
          throw new Error('the disk failed');
        })();
      },
    };
    const chunks: Uint8Array[] = [];
    const sink = new Writable({ write: (chunk: Buffer, _, done) => (chunks.push(chunk), done()) });
    const view: Store = Object.assign(Object.create(store) as Store, {
      content: broken,
      under: () => view,
    });
    await expect(exportArchive(view, ['a'], sink, { compress })).rejects.toThrow('the disk failed');
    expect(sink.writableFinished).toBe(false);
    const partial = Buffer.concat(chunks);
    await expect(decompressed(partial)).rejects.toMatchObject({ code: 'INVALID' });
    await expect(importArchive(openMemoryStore(), partial)).rejects.toMatchObject({ code: 'INVALID' });
    if (compress === 'gzip') expect(() => gunzipSync(partial)).toThrow(/unexpected end of file/);
  });
});
