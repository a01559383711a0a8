import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import { blob } from '../testing/build-image.js';
import { failureOf } from '../testing/content.js';
import { findImage } from './lookup.js';

const target = blob('x', 'application/vnd.oci.image.manifest.v1+json').descriptor;

async function imagesNamed(...names: string[]) {
  const { images } = openMemoryStore();
  await images.apply(names.map((name) => ({ op: 'create', name, target })));
  return images;
}

describe('findImage', () => {
  it.each([
    ['exactly', 'busybox', ['busybox', 'busybox:latest', 'docker.io/library/busybox:latest'], 'busybox'],
    ['with :latest', 'busybox', ['busybox:latest', 'docker.io/library/busybox:latest'], 'busybox:latest'],
    ['as Docker says', 'busybox', ['docker.io/library/busybox:latest'], 'docker.io/library/busybox:latest'],
    ['with its tag', 'busybox:1', ['docker.io/library/busybox:1'], 'docker.io/library/busybox:1'],
    ['odd as it is', 'Not A Reference', ['Not A Reference'], 'Not A Reference'],
  ])('finds a name %s', async (_, name, names, found) => {
    expect((await findImage(await imagesNamed(...names), name)).name).toBe(found);
  });

  it('names close ones when there is none', async () => {
    const images = await imagesNamed(
      'docker.io/library/busybox:1.36',
      'quay.io/x/busibox:1',
      'alpine:3',
      'b',
    );
    expect(await failureOf(findImage(images, 'busybox'))).toMatchObject({
      code: 'NOT_FOUND',
      message: 'image "busybox": not found',
      hint: 'did you mean docker.io/library/busybox:1.36, quay.io/x/busibox:1?',
      detail: { name: 'busybox' },
    });
  });

  it('gives no hint when nothing is close', async () => {
    expect(await failureOf(findImage(await imagesNamed('alpine:3'), 'busybox'))).toMatchObject({
      hint: undefined,
    });
    expect(await failureOf(findImage(await imagesNamed(), ''))).toMatchObject({ code: 'NOT_FOUND' });
  });
});
