import { beforeEach, describe, expect, it } from 'vitest';
import { openMemoryStore } from '../../backends/memory/index.js';
import type { Store } from '../../images/store.js';
import {
  config,
  forPlatform,
  index,
  layer,
  manifest,
  putImage,
  type Built,
} from '../../testing/build-image.js';
import { exportedBytes, filesOf, jsonIn } from '../../../test/support/read-archive.js';
import { importArchive } from '../index.js';

const layers = [layer('a', 'a'), layer('b', 'b')] as const;
const amd64 = manifest(config(), ...layers);
const arm64 = manifest(config({ architecture: 'arm64' }), layer('c', 'c'));
const both = index(forPlatform('linux/amd64', amd64), forPlatform('linux/arm64', arm64));

let store: Store;
beforeEach(() => {
  store = openMemoryStore();
});

async function keep(name: string, image: Built, without: readonly Built[] = []): Promise<void> {
  await putImage(store.content, image, without);
  await store.images.apply([{ op: 'create', name, target: image.descriptor }]);
}

const blobs = (files: ReadonlyMap<string, Buffer>) =>
  [...files.keys()].filter((name) => name.startsWith('blobs/')).map((name) => name.slice(-64));
const hexOf = ({ descriptor }: Built) => descriptor.digest.slice(-64);

describe('an export that skips what is missing', () => {
  it('holds the rest of a damaged image, and says what it lacks', async () => {
    await keep('a/b:1', both, [layers[1]]);
    await expect(exportedBytes(store, ['a/b:1'])).rejects.toMatchObject({ code: 'INVALID' });
    const { bytes, result } = await exportedBytes(store, ['a/b:1'], { skipMissing: true });
    expect(result.images[0]).toMatchObject({
      target: both.descriptor,
      missing: [layers[1].descriptor.digest],
      platforms: [
        { platform: 'linux/amd64', state: 'damaged' },
        { platform: 'linux/arm64', state: 'complete' },
      ],
    });
    const files = await filesOf(bytes);
    expect(new Set(blobs(files))).toEqual(
      new Set(
        [...both.blobs.keys()].map((digest) => digest.slice(-64)).filter((hex) => hex !== hexOf(layers[1])),
      ),
    );
    // Docker cannot load a part of an image; it gets the platform that is whole.
    expect(jsonIn(files, 'manifest.json')).toMatchObject([
      { Config: expect.stringContaining(hexOf(config({ architecture: 'arm64' }))) as string },
    ]);
  });

  it('gives back what it held, next to what was there all along', async () => {
    await keep('a/b:1', both, [layers[1]]);
    const { bytes } = await exportedBytes(store, ['a/b:1'], { skipMissing: true });
    const second = openMemoryStore();
    await putImage(second.content, layers[1]);
    const { images } = await importArchive(second, bytes);
    expect(images[0]?.platforms.map(({ state }) => state)).toEqual(['complete', 'complete']);
  });

  it('leaves images out of which there is nothing, but not without all of them', async () => {
    await keep('a/b:1', arm64);
    await keep('a/gone:1', amd64, [amd64]);
    await keep('a/hollow:1', both, [amd64, arm64]);
    await store.content.delete(arm64.descriptor.digest);
    await keep('a/there:1', manifest(config({ os: 'windows' })));
    const { bytes, result } = await exportedBytes(store, ['a/there:1', 'a/gone:1', 'a/hollow:1'], {
      skipMissing: true,
    });
    expect(result.images.map(({ name, missing }) => [name, missing])).toEqual([
      ['a/there:1', []],
      ['a/gone:1', [amd64.descriptor.digest]],
      ['a/hollow:1', [amd64.descriptor.digest, arm64.descriptor.digest]],
    ]);
    const { manifests } = jsonIn(await filesOf(bytes), 'index.json') as { manifests: unknown[] };
    expect(manifests).toHaveLength(1);
    await expect(exportedBytes(store, ['a/gone:1', 'a/b:1'], { skipMissing: true })).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('"a/gone:1" and of 1 more') as string,
    });
    await expect(exportedBytes(store, ['a/nothing:1'], { skipMissing: true })).rejects.toMatchObject({
      code: 'NOT_FOUND',
    });
  });

  it('does not go with a demand for completeness', async () => {
    await keep('a/b:1', both);
    for (const demand of [{ allPlatforms: true }, { require: 'all' }] as const) {
      await expect(exportedBytes(store, ['a/b:1'], { skipMissing: true, ...demand })).rejects.toMatchObject({
        code: 'INVALID',
      });
    }
  });
});

describe('what an export requires', () => {
  it('is every platform, what is present, or a list, which counts more than allPlatforms', async () => {
    await keep('a/b:1', both, [amd64]);
    const platform = (architecture: string) => ({ os: 'linux', architecture });
    for (const options of [
      { allPlatforms: true },
      { require: 'all' },
      { require: [platform('amd64')] },
    ] as const) {
      await expect(exportedBytes(store, ['a/b:1'], options)).rejects.toMatchObject({
        code: 'NOT_FOUND',
        detail: { digest: amd64.descriptor.digest },
      });
    }
    const options = { allPlatforms: true, require: [platform('arm64')] } as const;
    expect((await exportedBytes(store, ['a/b:1'], options)).result.images).toHaveLength(1);
  });
});
