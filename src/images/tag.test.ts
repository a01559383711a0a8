import { describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import { config, layer, manifest, putImage } from '../testing/build-image.js';
import { failureOf, listOf } from '../testing/content.js';
import { disturbed } from '../../test/support/disturbed-store.js';
import { gcLabels } from '../oci/children.js';
import { parseDocument } from '../oci/manifest.js';
import { GC_FLAT } from './gc-labels.js';
import type { Store } from './store.js';
import { tagImage } from './tag.js';

const one = manifest(config(), layer('file', 'one'));
const two = manifest(config(), layer('file', 'two'));

async function storeWith(...names: readonly string[]): Promise<Store> {
  const store = openMemoryStore();
  await putImage(store.content, one);
  const labels = gcLabels(parseDocument(one.bytes, one.descriptor.mediaType, 'it'));
  await store.content.setLabels(one.descriptor.digest, labels);
  for (const name of names) await store.images.apply([{ op: 'create', name, target: one.descriptor }]);
  return store;
}

describe('tagImage', () => {
  it('gives an image further names, with its labels', async () => {
    const store = await storeWith('a');
    await store.images.apply([{ op: 'update', name: 'a', labels: { x: '1' } }]);
    await tagImage(store, 'a', ['b', 'c']);
    const records = await listOf(store.images.list());
    expect(records.map(({ name, target, labels }) => [name, target.digest, labels])).toEqual(
      ['a', 'b', 'c'].map((name) => [name, one.descriptor.digest, { x: '1' }]),
    );
  });

  it('refuses a name of another image, and takes it where that is wanted', async () => {
    const store = await storeWith('a');
    await putImage(store.content, two);
    await store.images.apply([{ op: 'create', name: 'b', target: two.descriptor, labels: { y: '2' } }]);
    const error = await failureOf(tagImage(store, 'a', ['c', 'b']));
    expect(error).toMatchObject({ code: 'ALREADY_EXISTS', detail: { name: 'b' } });
    expect(await store.images.get('c')).toBeUndefined();
    await tagImage(store, 'a', ['c', 'b'], { force: true });
    expect(await store.images.get('b')).toMatchObject({ target: one.descriptor, labels: {} });
  });

  it('names nothing where the image is removed and collected while it is looked at', async () => {
    const store = await storeWith('a');
    const removal = async () => {
      await store.images.apply([{ op: 'delete', name: 'a' }]);
      await store.collector.collect();
    };
    const error = await failureOf(tagImage(disturbed(store, [removal]), 'a', ['b']));
    expect(error).toMatchObject({ code: 'NOT_FOUND' });
    expect(await store.images.get('b')).toBeUndefined();
  });

  it('names nothing of which a flat lease keeps only the manifest when the image is removed', async () => {
    const store = await storeWith('a');
    const flat = await store.leases.create({ labels: { [GC_FLAT]: 'true' } });
    await store.under(flat).content.claim([one.descriptor]);
    const removal = async () => {
      await store.images.apply([{ op: 'delete', name: 'a' }]);
      await store.collector.collect();
    };
    const error = await failureOf(tagImage(disturbed(store, [removal]), 'a', ['b']));
    expect(error).toMatchObject({ code: 'NOT_FOUND' });
    expect(await store.content.stat(one.descriptor)).toBeDefined();
    expect(await store.images.get('b')).toBeUndefined();
  });

  it('keeps what it names where the image is removed after it was looked at, and others collect', async () => {
    const store = await storeWith('a');
    const nothing = async () => {};
    const removal = async () => {
      await store.images.apply([{ op: 'delete', name: 'a' }]);
      await store.collector.collect();
    };
    await tagImage(disturbed(store, [nothing, removal]), 'a', ['b']);
    await store.collector.collect();
    expect(await store.images.get('b')).toMatchObject({ target: one.descriptor });
    expect(await store.content.claim([...one.blobs.keys()].map((digest) => ({ digest })))).toHaveProperty(
      'size',
      one.blobs.size,
    );
  });

  it('takes a name that somebody else gives or moves at the same time, where that is wanted', async () => {
    const store = await storeWith('a');
    await putImage(store.content, two);
    const nothing = async () => {};
    const creation = () => store.images.apply([{ op: 'create', name: 'b', target: two.descriptor }]);
    await tagImage(disturbed(store, [nothing, creation]), 'a', ['b'], { force: true });
    expect(await store.images.get('b')).toMatchObject({ target: one.descriptor });
  });

  it('tags a record whose content is not there: it is as good under another name', async () => {
    const store = openMemoryStore();
    await store.images.apply([{ op: 'create', name: 'a', target: two.descriptor }]);
    await tagImage(store, 'a', ['b']);
    expect(await store.images.get('b')).toMatchObject({ target: two.descriptor });
  });
});
