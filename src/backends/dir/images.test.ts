import assert from 'node:assert/strict';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import type { Store } from '../../images/store.js';
import { REF_NAME } from '../../oci/annotation.js';
import { bytesOf, listOf, rejectsWith, targetOf } from '../../testing/content.js';
import { nodeFiles } from './node-files.js';
import { openStore } from './open-store.js';

const first = targetOf(bytesOf(1, 10));
const second = targetOf(bytesOf(2, 10));

let folder: string;
let root: string;
let store: Store;
let warnings: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-images-'));
  root = join(folder, 'root');
  warnings = [];
  store = await open();
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const open = (at = root) => openStore({ root: at, onWarning: (message) => void warnings.push(message) });
const create = (name: string, target = first) => store.images.apply([{ op: 'create', name, target }]);
const readIndex = async (at = root) => JSON.parse(await readFile(join(at, 'index.json'), 'utf8'));
const names = async () => (await listOf(store.images.list())).map(({ name }) => name);
const writtenNames = async (at = root) =>
  (await readIndex(at)).manifests.map(
    (entry: { annotations?: Record<string, string> }) => entry.annotations?.[REF_NAME],
  );

describe('images in a folder', () => {
  it('make the root an image layout from its first moment', async () => {
    assert.deepEqual(JSON.parse(await readFile(join(root, 'oci-layout'), 'utf8')), {
      imageLayoutVersion: '1.0.0',
    });
    const index = await readIndex();
    assert.equal(index.schemaVersion, 2);
    assert.equal(index.mediaType, 'application/vnd.oci.image.index.v1+json');
    assert.deepEqual(index.manifests, []);
  });

  it('are in index.json by their full names, with the annotations of their targets', async () => {
    const annotated = { ...second, annotations: { a: '1', [REF_NAME]: 'latest' } };
    await create('docker.io/library/b:latest', annotated);
    await create('docker.io/library/a:latest');
    assert.deepEqual((await readIndex()).manifests, [
      { ...first, annotations: { [REF_NAME]: 'docker.io/library/a:latest' } },
      { ...second, annotations: { a: '1', [REF_NAME]: 'docker.io/library/b:latest' } },
    ]);
    assert.deepEqual(
      (await store.images.get('docker.io/library/b:latest'))?.target.annotations,
      annotated.annotations,
    );
  });

  it('of other namespaces are in index.json without a name, each target once', async () => {
    await create('a', first);
    const elsewhere = store.namespace('elsewhere');
    for (const [name, target] of [
      ['x', second],
      ['y', second],
      ['z', first],
    ] as const) {
      await elsewhere.images.apply([{ op: 'create', name, target }]);
    }
    assert.deepEqual((await readIndex()).manifests, [{ ...first, annotations: { [REF_NAME]: 'a' } }, second]);
    assert.deepEqual(await names(), ['a']);
  });

  it('change together or not at all, with their file', async () => {
    await create('taken');
    const before = await readIndex();
    const error = await rejectsWith(
      'ALREADY_EXISTS',
      store.images.apply([
        { op: 'create', name: 'new', target: first },
        { op: 'delete', name: 'taken' },
        { op: 'create', name: 'new', target: first },
      ]),
    );
    assert.equal(error.detail['name'], 'new');
    assert.deepEqual(await names(), ['taken']);
    assert.deepEqual(await readIndex(), before);
  });

  it('are listed bytewise, in pages', async () => {
    const wanted = ['Z', 'a', 'a/b', 'é', '\u{ff5e}', '\u{1f600}'];
    const many = Array.from({ length: 600 }, (_, number) => `n${String(number).padStart(4, '0')}`);
    const all = [...wanted, ...many];
    await store.images.apply(all.map((name) => ({ op: 'create', name, target: first })));
    const sorted = [...all].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(await names(), sorted);
    assert.deepEqual(
      (await listOf(store.images.list({ after: 'n0300' }))).map(({ name }) => name),
      sorted.filter((name) => Buffer.compare(Buffer.from(name), Buffer.from('n0300')) > 0),
    );
  });

  it('are still there after the store was closed', async () => {
    await store.images.apply([{ op: 'create', name: 'a', target: first, labels: { k: 'v' } }]);
    const before = await store.images.get('a');
    await store.close();
    store = await open();
    assert.deepEqual(await store.images.get('a'), before);
    assert.deepEqual(warnings, []);
  });

  it('are not changed when index.json cannot be written', async () => {
    await create('a');
    const before = await readIndex();
    await store.close();
    const full = () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    store = await openStore(
      { root },
      { files: { ...nodeFiles, sync: { ...nodeFiles.sync, writeSynced: full } } },
    );
    await rejectsWith('NO_SPACE', create('b'));
    assert.deepEqual(await names(), ['a']);
    assert.deepEqual(await readIndex(), before);
  });

  it('write anew what a crash left between the file and the commit', async () => {
    await create('a');
    await store.close();
    const crash = (from: string, to: string) => {
      nodeFiles.sync.rename(from, to);
      throw new Error('crash');
    };
    store = await openStore(
      { root },
      { files: { ...nodeFiles, sync: { ...nodeFiles.sync, rename: crash } } },
    );
    await assert.rejects(create('b'), /crash/);
    assert.deepEqual(await writtenNames(), ['a', 'b']);
    const left = (await readIndex()).annotations['stowage.generation'];
    await store.close();
    store = await open();
    assert.deepEqual(await writtenNames(), ['a']);
    assert.ok(Number((await readIndex()).annotations['stowage.generation']) > Number(left));
    assert.deepEqual(warnings, []);
  });

  it('tell of a foreign change of index.json, and do not adopt it', async () => {
    await create('a');
    await store.close();
    const index = await readIndex();
    index.manifests.push({ ...second, annotations: { [REF_NAME]: 'foreign' } });
    await writeFile(join(root, 'index.json'), JSON.stringify(index));
    store = await open();
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? '', /Another program changed ".*index\.json"/);
    assert.deepEqual(await names(), ['a']);
    assert.deepEqual(await writtenNames(), ['a', 'foreign']);
    await create('b');
    assert.deepEqual(await writtenNames(), ['a', 'b']);
  });

  it('of a root that was copied are no foreign change', async () => {
    await create('a');
    await store.close();
    await cp(root, join(folder, 'copy'), { recursive: true });
    store = await open(join(folder, 'copy'));
    assert.deepEqual(warnings, []);
    assert.deepEqual(await names(), ['a']);
  });
});
