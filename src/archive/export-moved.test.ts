import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/store.js';
import type { Store } from '../images/store.js';
import { gcLabels } from '../oci/children.js';
import { parseDocument } from '../oci/manifest.js';
import { config, layer, manifest, putImage, type Built } from '../testing/build-image.js';
import { failureOf } from '../testing/content.js';
import { disturbed } from '../../test/support/disturbed-store.js';
import { exportLayout } from './export-layout.js';
import { exportArchive } from './export.js';

const NAME = 'example.org/a:1';
const one = manifest(config(), layer('file', 'one'));
const two = manifest(config(), layer('file', 'two'));

let folder: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-export-moved-'));
  store = openMemoryStore();
  await keep(one);
  await store.images.apply([{ op: 'create', name: NAME, target: one.descriptor }]);
});

afterEach(() => rm(folder, { recursive: true }));

async function keep(image: Built): Promise<void> {
  await putImage(store.content, image);
  const labels = gcLabels(parseDocument(image.bytes, image.descriptor.mediaType, 'it'));
  await store.content.setLabels(image.descriptor.digest, labels);
}

/** What somebody else does: the name gets another image, and the one it had is collected. */
async function move(): Promise<void> {
  await keep(two);
  await store.images.apply([{ op: 'update', name: NAME, target: two.descriptor }]);
  await store.collector.collect();
}

async function remove(): Promise<void> {
  await store.images.apply([{ op: 'delete', name: NAME }]);
  await store.collector.collect();
}

describe('an export while somebody else moves the name and collects', () => {
  it('writes what the name has then, into a file', async () => {
    const { images } = await exportArchive(disturbed(store, [move]), [NAME], join(folder, 'a.tar'));
    expect(images.map(({ target }) => target.digest)).toEqual([two.descriptor.digest]);
  });

  it('writes what the name has then, into a directory', async () => {
    await exportLayout(disturbed(store, [move]), [NAME], join(folder, 'layout'));
    expect(await readFile(join(folder, 'layout', 'index.json'), 'utf8')).toContain(two.descriptor.digest);
  });

  it('keeps what it found for as long as it takes', async () => {
    const nothing = async () => {};
    const sink = join(folder, 'a.tar');
    const { images } = await exportArchive(disturbed(store, [nothing, move]), [NAME], sink);
    expect(images.map(({ target }) => target.digest)).toEqual([one.descriptor.digest]);
  });

  it('says that the name is not there where it was removed instead', async () => {
    const work = exportArchive(disturbed(store, [remove]), [NAME], join(folder, 'a.tar'));
    expect(await failureOf(work)).toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining(NAME),
    });
  });

  it('gives up where the name never stays what it was', async () => {
    const back = () =>
      store.images.apply([{ op: 'update', name: NAME, target: one.descriptor }]).then(() => undefined);
    const forth = () => store.images.apply([{ op: 'update', name: NAME, target: two.descriptor }]);
    const theirs = Array.from({ length: 1_000 }, (_, count) => (count % 2 === 0 ? forth : back));
    const work = exportArchive(disturbed(store, theirs), [NAME], join(folder, 'a.tar'));
    expect(await failureOf(work)).toMatchObject({ code: 'BUSY', hint: 'try again' });
  });
});
