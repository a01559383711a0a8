import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { layoutTar, named } from '../../test/support/build-archive.js';
import { openStore } from '../backends/dir/index.js';
import type { ImageStore, Store } from '../images/store.js';
import { encodedOf, type Digest } from '../oci/digest.js';
import { config, layer, manifest, type Built } from '../testing/build-image.js';
import { importArchive, type ImportOptions } from './index.js';

const base = layer('base.txt', 'base');
const hello = manifest(config(), base, layer('hello.txt', 'hello'));
const other = manifest(config({ architecture: 'arm64' }), base);

let folder: string;
let root: string;
let archive: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-unchanged-'));
  root = join(folder, 'root');
  archive = join(folder, 'x.tar');
  await writeFile(archive, layoutTar(named('a/b:1', hello)));
  store = await openStore({ root });
  await importArchive(store, archive);
  // Only a store that was opened anew shows whether anything made itself known in it.
  await store.close();
  store = await openStore({ root });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** Whether an import wrote anything, which takes a lease and so a holder. */
async function writes(options: ImportOptions = {}, into: Store = store): Promise<boolean> {
  await importArchive(into, archive, options);
  return (await readdir(join(root, 'holders'))).length > 0;
}

async function heldOf({ blobs }: Built): Promise<ReadonlySet<Digest>> {
  return store.content.claim([...blobs.keys()].map((digest) => ({ digest })));
}

/** The same store, with something happening before the names are read for the `turn`th time. */
function disturbed(turn: number, happens: () => Promise<void>): Store {
  let reads = 0;
  const images: ImageStore = {
    atomic: store.images.atomic,
    list: (options) => store.images.list(options),
    apply: (changes, options) => store.images.apply(changes, options),
    async get(name, options) {
      reads += 1;
      if (reads === turn) await happens();
      return store.images.get(name, options);
    },
  };
  const { namespaceName, lease, readOnly, content, leases, namespaces, temporaryFiles, collector } = store;
  return {
    ...{ namespaceName, lease, readOnly, content, leases, namespaces, temporaryFiles, collector, images },
    revision: (options) => store.revision?.(options) ?? Promise.reject(new Error('no revisions')),
    under: (lease) => store.under(lease),
    namespace: (name) => store.namespace(name),
    close: () => store.close(),
    [Symbol.asyncDispose]: () => store.close(),
  };
}

describe('importing what is there already', () => {
  it('writes nothing and says so', async () => {
    const events: unknown[] = [];
    const result = await importArchive(store, archive, { onProgress: (event) => events.push(event) });
    assert.deepEqual(await readdir(join(root, 'holders')), []);
    assert.deepEqual(result.blobs, { written: 0, existed: 4 });
    assert.equal(result.images[0]?.outcome, 'unchanged');
    assert.deepEqual(
      result.images[0]?.platforms.map(({ state }) => state),
      ['complete'],
    );
    assert.equal(events.length, 5);
  });

  it('says the same as where something has to be written', async () => {
    const unchanged = await importArchive(store, archive);
    const streamed = await importArchive(store, [layoutTar(named('a/b:1', hello))]);
    assert.deepEqual(unchanged, streamed);
  });

  it('writes where a blob is gone', async () => {
    await rm(join(root, 'blobs', 'sha256', encodedOf(base.descriptor.digest)));
    assert.equal(await writes(), true);
    assert.notEqual(await store.content.claim([base.descriptor]).then(({ size }) => size), 0);
  });

  it('writes where a name points elsewhere, is gone, or lacks a label', async () => {
    await store.images.apply([{ op: 'delete', name: 'a/b:1' }]);
    assert.equal(await writes(), true);
    assert.equal((await store.images.get('a/b:1'))?.target.digest, hello.descriptor.digest);
  });

  it('writes where a name lacks a label', async () => {
    assert.equal(await writes({ labels: { kept: 'yes' } }), true);
    assert.deepEqual((await store.images.get('a/b:1'))?.labels, { kept: 'yes' });
  });

  it('writes where a manifest lacks the labels that keep its parts', async () => {
    const { digest } = hello.descriptor;
    const labels = (await store.content.info(digest))?.labels ?? {};
    await store.content.setLabels(digest, Object.fromEntries(Object.keys(labels).map((key) => [key, null])));
    assert.equal(await writes(), true);
    assert.deepEqual((await store.content.info(digest))?.labels, labels);
  });

  it.each([1, 2, 3])('writes where the name goes away before look %i at it', async (turn) => {
    const gone = disturbed(
      turn,
      async () => void (await store.images.apply([{ op: 'delete', name: 'a/b:1' }])),
    );
    assert.equal(await writes({}, gone), true);
    assert.equal((await store.images.get('a/b:1'))?.target.digest, hello.descriptor.digest);
  });

  it.each([2, 3])('writes where the name was made anew before look %i at it', async (turn) => {
    const { digest } = hello.descriptor;
    const remade = disturbed(turn, async () => {
      await store.images.apply([{ op: 'delete', name: 'a/b:1' }]);
      await store.images.apply([{ op: 'create', name: 'a/b:1', target: hello.descriptor }]);
    });
    assert.equal(await writes({}, remade), true);
    assert.equal((await store.images.get('a/b:1'))?.target.digest, digest);
  });

  it.each([1, 2, 3])('writes where a layer goes away before look %i at the name', async (turn) => {
    const gone = disturbed(turn, async () => void (await store.content.delete(base.descriptor.digest)));
    assert.equal(await writes({}, gone), true);
    assert.deepEqual(await heldOf(hello), new Set(hello.blobs.keys()));
  });

  it('writes where another namespace was changed meanwhile, which says as little', async () => {
    const touched = disturbed(2, async () => void (await store.namespaces.create('elsewhere')));
    assert.equal(await writes({}, touched), true);
  });

  it('fails as ever where it may not move a name', async () => {
    await writeFile(archive, layoutTar(named('a/b:1', other)));
    await assert.rejects(importArchive(store, archive), { code: 'ALREADY_EXISTS' });
    assert.equal((await importArchive(store, archive, { onConflict: 'skip' })).images[0]?.outcome, 'skipped');
  });
});
