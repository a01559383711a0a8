/** The story of docs/concepts/content-store.md, step by step. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { afterAll, beforeAll } from 'vitest';
import { openStore } from '../../src/backends/dir/index.js';
import type { Store } from '../../src/images/store.js';
import { config, layer, manifest } from '../../src/testing/build-image.js';
import { bytesOf, collect, failureOf, inPieces, listOf, rejectsWith } from '../../src/testing/content.js';
import { story } from '../support/story.js';
import { makeFolder } from '../support/temporary.js';

const MIB = 1 << 20;
const rootfs = layer('rootfs', bytesOf(1, 40 * MIB));
const settings = config();
const image = manifest(settings, rootfs);
const parts = [rootfs, settings, image];

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

const step = story('content-store.md', 'an image goes through the content store as its page tells it');

const attestation = bytesOf(2, 3 * MIB);
const half = MIB + 17;
let view: Store;

step(/^Nobody has the image/, async () => {
  assert.equal((await store.content.claim(parts.map(({ descriptor }) => descriptor))).size, 0);
});

step(/^A lease is made/, async () => {
  view = store.under(await store.leases.create());
});

step(/^Its layer is put, and the process is stopped half-way/, async () => {
  const stop = new AbortController();
  const stopped = async function* () {
    yield* inPieces(rootfs.bytes.subarray(0, 20 * MIB), MIB);
    stop.abort('stopped');
    await new Promise(() => {});
  };
  const put = view.content.put(rootfs.descriptor, stopped, { signal: stop.signal });
  assert.equal(await failureOf(put), 'stopped');
  assert.equal(await store.content.stat(rootfs.descriptor), undefined);
  const [ingest, ...others] = await listOf(store.content.ingests());
  assert.equal(ingest?.expected, rootfs.descriptor.digest);
  assert.ok(ingest.offset > 0 && ingest.offset < rootfs.descriptor.size);
  assert.deepEqual(others, []);
});

step(/^The put is done again/, async () => {
  const stored = await view.content.put(rootfs.descriptor, () => inPieces(rootfs.bytes, MIB));
  assert.equal(stored.existed, false);
  assert.deepEqual(await listOf(store.content.ingests()), []);
});

step(/^Configuration and manifest are put/, async () => {
  await view.content.put(settings.descriptor, () => settings.bytes);
  const other = Buffer.from(image.bytes.toString().replace('{', '['));
  await rejectsWith(
    'MISMATCH',
    view.content.put(image.descriptor, () => other),
  );
  assert.equal(await store.content.stat(image.descriptor), undefined);
  assert.deepEqual(await listOf(store.content.ingests()), []);
  await view.content.put(image.descriptor, () => image.bytes);
});

step(/^A claim answers all three/, async () => {
  assert.equal((await view.content.claim(parts.map(({ descriptor }) => descriptor))).size, 3);
});

step(/^Another tool uploads an attestation in pieces/, async () => {
  const ingest = await view.content.openIngest('attestation');
  await ingest.write(attestation.subarray(0, half));
  await rejectsWith('BUSY', store.content.openIngest('attestation'));
  await ingest.close();
});

step(/^It is opened again/, async () => {
  const ingest = await view.content.openIngest('attestation');
  assert.equal(ingest.status.offset, half);
  await ingest.write(attestation.subarray(half));
  const stored = await ingest.commit({ labels: { of: 'the image' } });
  assert.ok((await collect(store.content.read(stored))).equals(attestation));
  assert.equal(await store.content.ingest('attestation'), undefined);
});

step(/^Another namespace opens an ingest/, async () => {
  const { digest, size } = rootfs.descriptor;
  const { content } = store.namespace('elsewhere');
  assert.equal(await content.stat({ digest }), undefined);
  const ingest = await content.openIngest('layer', { expect: digest });
  assert.equal(ingest.status.offset, size);
  await ingest.commit({ labels: { of: 'elsewhere' } });
  assert.deepEqual((await content.info(digest))?.labels, { of: 'elsewhere' });
  assert.deepEqual((await store.content.info(digest))?.labels, {});
});

step(/^The first namespace deletes the layer/, async () => {
  const { digest } = rootfs.descriptor;
  assert.equal(await store.content.delete(digest), true);
  assert.equal(await store.content.stat({ digest }), undefined);
  const { content } = store.namespace('elsewhere');
  assert.ok((await collect(content.read(rootfs.descriptor))).equals(rootfs.bytes));
});
