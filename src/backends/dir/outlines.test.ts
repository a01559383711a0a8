import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { outlineOf } from '../../content/read-outline.js';
import type { Store } from '../../images/store.js';
import { config, forPlatform, index, layer, manifest, type Built } from '../../testing/build-image.js';
import { storeForEach } from '../../../test/support/temporary.js';

const image = manifest(config(), layer('a', 'b'));
const both = index(
  forPlatform('linux/amd64', image),
  forPlatform('linux/arm64', manifest(config({ author: 'x' }))),
);

let store: Store;

storeForEach((opened) => ({ store } = opened));

const put = ({ descriptor, bytes }: Built, where = store) => where.content.put(descriptor, () => bytes);
const remembered = async ({ descriptor }: Built, where = store) =>
  (await where.content.outlines?.([descriptor]))?.get(descriptor.digest);

describe('outlines', () => {
  it('are remembered of manifests, indexes and configurations that are stored as such', async () => {
    for (const built of [both, image, config()]) {
      await put(built);
      assert.deepEqual(
        await remembered(built),
        JSON.parse(JSON.stringify(outlineOf(built.bytes, built.descriptor))),
      );
    }
    const children = ((await remembered(both)) as { children: readonly object[] }).children;
    assert.deepEqual(
      children.map((child) => Object.keys(child)),
      [
        ['mediaType', 'digest', 'size', 'platform'],
        ['mediaType', 'digest', 'size', 'platform'],
      ],
    );
  });

  it('of manifests say where the configuration runs, while that is held as such, too', async () => {
    const ofManifest = async () => (await remembered(image)) as { platform?: object };
    await put(image);
    assert.equal((await ofManifest()).platform, undefined);
    await store.namespace('other').content.put(config().descriptor, () => config().bytes);
    assert.equal((await ofManifest()).platform, undefined);
    await put(config());
    assert.deepEqual((await ofManifest()).platform, { architecture: 'amd64', os: 'linux' });
    await store.content.delete(config().descriptor.digest);
    assert.equal((await ofManifest()).platform, undefined);
  });

  it('of artifacts say nothing of where they run, whatever their configuration holds', async () => {
    const artifact = manifest({
      ...config(),
      descriptor: { ...config().descriptor, mediaType: 'application/vnd.example' },
    });
    for (const built of [config(), artifact]) await put(built);
    assert.equal(((await remembered(artifact)) as { platform?: object }).platform, undefined);
  });

  it('say of what is held and not remembered that it is held', async () => {
    await store.content.put({ digest: image.descriptor.digest }, () => image.bytes);
    const found = await store.content.outlines?.([image.descriptor, both.descriptor]);
    assert.deepEqual([...(found ?? [])], [[image.descriptor.digest, undefined]]);
  });

  it('are not answered for another size than the blob has', async () => {
    await put(image);
    const found = await store.content.outlines?.([{ ...image.descriptor, size: 1 }]);
    assert.deepEqual([...(found ?? [])], [[image.descriptor.digest, undefined]]);
  });

  it('are not seen by a namespace that does not hold the blob, and shared with one that does', async () => {
    await put(image);
    const elsewhere = store.namespace('elsewhere');
    assert.equal((await elsewhere.content.outlines?.([image.descriptor]))?.size, 0);
    await put(image, elsewhere);
    assert.deepEqual(await remembered(image, elsewhere), await remembered(image));
  });

  it('keep nothing from being stored that is not what it claims to be', async () => {
    const broken = { ...layer('a', 'b'), descriptor: { ...layer('a', 'b').descriptor } };
    const descriptor = { ...broken.descriptor, mediaType: image.descriptor.mediaType };
    await store.content.put(descriptor, () => broken.bytes);
    const found = await store.content.outlines?.([descriptor]);
    assert.deepEqual([...(found ?? [])], [[descriptor.digest, undefined]]);
  });

  it('go with the blob', async () => {
    await put(image);
    await store.content.delete(image.descriptor.digest);
    await store.content.put({ digest: image.descriptor.digest }, () => image.bytes);
    assert.equal(await remembered(image), undefined);
  });
});
