import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import { blob, config, layer, manifest, putImage } from '../testing/build-image.js';
import { failureOf } from '../testing/content.js';
import { OCI_MANIFEST } from '../oci/media-type.js';
import { readBlob, readDocument } from './read.js';

const image = manifest(config(), layer('a.txt', 'a'));

describe('readBlob', () => {
  it('reads what is held', async () => {
    const { content } = openMemoryStore();
    await putImage(content, image);
    expect(Buffer.from(await readBlob(content, image.descriptor)).equals(image.bytes)).toBe(true);
  });

  it('takes what the descriptor carries, where that is right', async () => {
    const { content } = openMemoryStore();
    const { descriptor } = blob('{}');
    expect(Buffer.from(await readBlob(content, { ...descriptor, data: 'e30=' })).toString()).toBe('{}');
    for (const data of ['e30', 'e31=', 'bm90IHRoZSBjb250ZW50', '%%%%']) {
      expect(await failureOf(readBlob(content, { ...descriptor, data }))).toMatchObject({
        code: 'NOT_FOUND',
      });
    }
  });

  it('does not begin to read what announces too much', async () => {
    const { content } = openMemoryStore();
    const huge = { ...image.descriptor, size: 5 << 20 };
    expect(await failureOf(readBlob(content, huge))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      message: `Cannot read manifest "${huge.digest}": it has 5242880 bytes, at most 4194304 are accepted`,
    });
    const large = blob(new Uint8Array(5 << 20));
    await putImage(content, large);
    expect(await readBlob(content, large.descriptor)).toHaveLength(5 << 20);
    expect(await failureOf(readBlob(content, large.descriptor, { limit: 10 }))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
    });
  });
});

describe('readDocument', () => {
  it('reads what the media type says', async () => {
    const { content } = openMemoryStore();
    await putImage(content, image);
    expect(await readDocument(content, image.descriptor)).toMatchObject({ kind: 'manifest' });
  });

  it('refuses what is something else', async () => {
    const { content } = openMemoryStore();
    const wrong = blob('[]', OCI_MANIFEST);
    await putImage(content, wrong);
    expect(await failureOf(readDocument(content, wrong.descriptor))).toMatchObject({
      code: 'INVALID',
      message: `Cannot read manifest "${wrong.descriptor.digest}": it is not a JSON object`,
    });
  });
});
