/** The story of docs/concepts/leases-and-gc.md, step by step. */
import assert from 'node:assert/strict';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { importArchive } from '../../src/archive/import.js';
import { openStore } from '../../src/backends/dir/index.js';
import { Graph } from '../../src/images/gc-graph.js';
import { chainsTo } from '../../src/images/mark.js';
import type { Store } from '../../src/images/store.js';
import type { Digest } from '../../src/oci/digest.js';
import { config, index, layer, manifest, pointedTo } from '../../src/testing/build-image.js';
import { bytesOf, listOf, targetOf } from '../../src/testing/content.js';
import { layoutEntries, tarOf } from '../support/build-archive.js';
import { childLibrary, killed, runChild } from '../support/children.js';
import { story } from '../support/story.js';
import { makeFolder } from '../support/temporary.js';

const rootfs = layer('rootfs', bytesOf(1, 20_000));
const image = manifest(config(), rootfs);
const archive = tarOf(
  layoutEntries(
    index(pointedTo(image, { annotations: { 'io.containerd.image.name': 'example.org/story:1' } })),
  ),
);
const loose = targetOf(bytesOf(2, 5000));

let root: string;
let store: Store;
beforeAll(async () => {
  root = await makeFolder();
  store = await openStore({ root });
});
afterAll(async () => {
  await store.close();
  await rm(root, { recursive: true });
});

const step = story('leases-and-gc.md', 'an image goes through leases and collections as their page tells it');

const collect = async (thorough = true) => (await store.collector.collect({ thorough })).removed;
const NOTHING = { image: 0, content: 0, ingest: 0, lease: 0, blob: 0 };
const held = async () => (await listOf(store.content.list())).length;

step(/^An image is imported/, async () => {
  await importArchive(store, [archive]);
  assert.deepEqual(await collect(), NOTHING);
  assert.equal(await held(), 3);
});

step(/^A blob is put without a lease/, async () => {
  await store.content.put(loose, () => bytesOf(2, 5000));
  assert.deepEqual(await collect(false), { ...NOTHING, content: 1, blob: 1 });
});

step(/^It is put again under a lease that lasts/, async () => {
  await store.leases.create({ id: 'story', lasting: true });
  await store.under({ id: 'story' }).content.put(loose, () => bytesOf(2, 5000));
  assert.deepEqual(await collect(), NOTHING);
});

step(/^`stowage content why` tells/, async () => {
  const graph = new Graph(await store.collector.holdings());
  const why = (id: Digest) =>
    chainsTo(graph, { kind: 'content', namespace: 'default', id }).map(({ links }) =>
      links.map(({ item, by }) => [item.kind, by]),
    );
  assert.deepEqual(why(rootfs.descriptor.digest), [
    [
      ['image', 'root'],
      ['content', 'target'],
      ['content', 'containerd.io/gc.ref.content.l.0'],
    ],
  ]);
  assert.deepEqual(why(loose.digest), [
    [
      ['lease', 'root'],
      ['content', 'lease'],
    ],
  ]);
});

step(/^The image gets a second name/, async () => {
  await store.images.apply([
    { op: 'create', name: 'example.org/story:2', target: image.descriptor },
    { op: 'delete', name: 'example.org/story:1' },
  ]);
  assert.deepEqual(await collect(), NOTHING);
});

step(/^The second name gets a time to expire/, async () => {
  const labels = { 'containerd.io/gc.expire': new Date(Date.now() - 1000).toISOString() };
  await store.images.apply([{ op: 'update', name: 'example.org/story:2', labels }]);
  assert.deepEqual(await collect(false), { ...NOTHING, image: 1, content: 3, blob: 3 });
  assert.deepEqual(await listOf(store.images.list()), []);
});

step(/^An import of the same image is killed/, async () => {
  const { digest, size } = rootfs.descriptor;
  const code = `const store = await openStore({ root });
    const view = store.under(await store.leases.create({ ttl: Infinity }));
    const bytes = Buffer.from(${JSON.stringify(Buffer.from(rootfs.bytes).toString('base64'))}, 'base64');
    await view.content.put({ digest: '${digest}', size: ${size} }, () => bytes);
    say('stored'); setInterval(() => {}, 1000);`;
  const child = runChild(await childLibrary(), root, code);
  assert.equal(await child.firstLine, 'stored');
  await killed(child);
  assert.deepEqual(await collect(false), NOTHING);
  assert.equal(await held(), 2);
  assert.deepEqual(await collect(), { ...NOTHING, content: 1, lease: 1, blob: 1 });
});

step(/^The lease is removed/, async () => {
  await store.leases.delete('story');
  await collect(false);
  assert.equal(await held(), 0);
  assert.deepEqual(await readdir(join(root, 'blobs', 'sha256')), []);
});
