import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../backends/dir/index.js';
import { openMemoryStore } from '../backends/memory/index.js';
import { config, forPlatform, index, layer, manifest, putImage, type Built } from '../testing/build-image.js';
import type { Store } from './store.js';
import { imageUsage } from './usage.js';

const base = layer('base', 'x'.repeat(5000));
const app = layer('app', 'y'.repeat(3000));
const one = manifest(config({ author: 'one' }), base, base);
const two = manifest(config({ author: 'two' }), base, app);
const absent = manifest(config({ author: 'absent' }));
const sparse = index(forPlatform('linux/amd64', two), forPlatform('linux/arm64', absent));
const sizeOf = (...built: readonly Built[]) =>
  built.reduce((sum, { descriptor }) => sum + descriptor.size, 0);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-usage-'));
});
afterAll(() => rm(folder, { recursive: true }));

const name = (store: Store, names: Readonly<Record<string, Built>>) =>
  store.images.apply(
    Object.entries(names).map(([name, { descriptor }]) => ({ op: 'create', name, target: descriptor })),
  );
const usageOf = async (...args: Parameters<typeof imageUsage>) => {
  const { images, total } = await imageUsage(...args);
  return { total, images: images.map(({ record, own, shared }) => [record.name, own, shared]) };
};

describe.each([
  ['memory', async () => openMemoryStore()],
  ['dir', async () => openStore({ root: join(folder, `${Math.random()}`) })],
])('usage of images in a %s store', (_kind, open) => {
  it('tells own bytes from shared ones, and counts every blob once', async () => {
    await using store = await open();
    for (const image of [one, two]) await putImage(store.content, image);
    await name(store, { one, two });
    expect(await usageOf(store)).toEqual({
      total: sizeOf(one, two, base, app, config({ author: 'one' }), config({ author: 'two' })),
      images: [
        ['one', sizeOf(one, config({ author: 'one' })), sizeOf(base)],
        ['two', sizeOf(two, config({ author: 'two' }), app), sizeOf(base)],
      ],
    });
  });

  it('gives two names of one image nothing of their own', async () => {
    await using store = await open();
    await putImage(store.content, one);
    await name(store, { a: one, b: one });
    const size = sizeOf(one, base, config({ author: 'one' }));
    expect(await usageOf(store)).toEqual({
      total: size,
      images: [
        ['a', 0, size],
        ['b', 0, size],
      ],
    });
  });

  it('counts only what is held', async () => {
    await using store = await open();
    await putImage(store.content, sparse, [absent, config({ author: 'absent' }), app]);
    await name(store, { sparse });
    const size = sizeOf(sparse, two, base, config({ author: 'two' }));
    expect(await usageOf(store)).toEqual({ total: size, images: [['sparse', size, 0]] });
  });

  it('compares with the images of other namespaces, and with those that are not asked for', async () => {
    await using store = await open();
    const elsewhere = store.namespace('elsewhere');
    await putImage(store.content, one);
    await putImage(elsewhere.content, two);
    await name(store, { one });
    await name(elsewhere, { two });
    const own = sizeOf(one, config({ author: 'one' }));
    expect(await usageOf(store, ({ name }) => name === 'one')).toEqual({
      total: own + sizeOf(base),
      images: [['one', own, sizeOf(base)]],
    });
    expect((await usageOf(store, () => false)).total).toBe(0);
  });

  it('says which image cannot be read, and counts what can', async () => {
    await using store = await open();
    await putImage(store.content, app);
    const target = { ...app.descriptor, mediaType: one.descriptor.mediaType };
    await store.images.apply([{ op: 'create', name: 'broken', target }]);
    const { images, total } = await imageUsage(store);
    expect(images[0]?.problem?.code).toBe('INVALID');
    expect(total).toBe(target.size);
  });
});
