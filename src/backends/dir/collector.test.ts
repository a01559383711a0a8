import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, it } from 'vitest';
import {
  childLibrary,
  killed,
  runChild,
  succeeds,
  type ChildLibrary,
} from '../../../test/support/children.js';
import type { StowageError } from '../../errors.js';
import type { Store } from '../../images/store.js';
import type { Digest } from '../../oci/digest.js';
import { bytesOf, collect as read, listOf, rejectsWith, targetOf } from '../../testing/content.js';
import { loadLibrary } from './database/library.js';
import type { Files } from './files.js';
import { nodeFiles } from './node-files.js';
import { openStore } from './open-store.js';
import { storeForEach } from '../../../test/support/temporary.js';

let root: string;
let store: Store;
let library: ChildLibrary;
beforeAll(async () => {
  library = await childLibrary();
});
storeForEach((opened) => ({ root, store } = opened));

const digest = (seed: number): Digest => targetOf(bytesOf(seed, 100)).digest;
const fileOf = (blob: Digest) => join(root, 'blobs', 'sha256', blob.slice(7));
const put = (seed: number, into: Store = store) =>
  into.content.put(targetOf(bytesOf(seed, 100)), () => bytesOf(seed, 100));
const name = (image: string, seed: number, labels = {}) =>
  store.images.apply([{ op: 'create', name: image, target: targetOf(bytesOf(seed, 100)), labels }]);
const thorough = { thorough: true };

/** Digests on record, and those of files, each in order. */
async function bothSides(): Promise<readonly [readonly string[], readonly string[]]> {
  const database = (await loadLibrary()).open(join(root, 'metadata.db'));
  const rows = database.prepare('SELECT digest FROM blobs ORDER BY digest').all();
  database.close();
  const files = (await readdir(join(root, 'blobs', 'sha256'))).map((file) => `sha256:${file}`).sort();
  return [rows.map((row) => String(row['digest'])), files];
}

describe('a collection of a folder', () => {
  it('writes index.json anew when images have expired', async () => {
    await put(1);
    await name('late', 1, { 'containerd.io/gc.expire': '2000-01-01T00:00:00Z' });
    await name('early', 1);
    await store.collector.collect();
    const index = JSON.parse(await readFile(join(root, 'index.json'), 'utf8'));
    assert.deepEqual(
      index.manifests.map(({ annotations }: { annotations: object }) => Object.values(annotations)),
      [['early']],
    );
  });

  it('lets others write while it marks, and keeps what they refer to meanwhile', async () => {
    await put(1);
    await put(2);
    const library = await loadLibrary();
    const database = join(root, 'metadata.db');
    const holder = '01234567-89ab-cdef-0123-456789abcdef';
    await store.close();
    const setUp = library.open(database);
    setUp.exec(
      `INSERT INTO leases (namespace, id, holder, created, labels) VALUES ('default', 'l', '${holder}', 1, '{}')`,
    );
    setUp.close();
    let named = false;
    // It looks whether the one who holds the lease is alive: after it has read what is there, before it removes.
    const stat = (path: string) => {
      if (path.endsWith(`${holder}.db`) && !named) {
        named = true;
        const other = library.open(database);
        other.exec(
          `INSERT INTO images VALUES ('default', 'x', 'a/b', '${digest(1)}', 100, '{}', '{}', 1, 1)`,
        );
        other.close();
      }
      return nodeFiles.sync.stat(path);
    };
    store = await openStore({ root }, { files: { ...nodeFiles, sync: { ...nodeFiles.sync, stat } } });
    const { removed } = await store.collector.collect(thorough);
    assert.ok(named);
    assert.deepEqual({ content: removed.content, lease: removed.lease }, { content: 1, lease: 1 });
    assert.deepEqual(await bothSides(), [[digest(1)], [digest(1)]]);
  });

  it('goes on when the bytes of one blob cannot be removed, says so, and tries again the next time', async () => {
    await store.close();
    let broken: string | undefined;
    const files: Files = {
      ...nodeFiles,
      sync: {
        ...nodeFiles.sync,
        unlink(path) {
          if (path === broken) throw Object.assign(new Error('unlink'), { code: 'EIO' });
          return nodeFiles.sync.unlink(path);
        },
      },
    };
    store = await openStore({ root }, { files });
    for (let seed = 1; seed <= 5; seed++) await put(seed);
    broken = fileOf(digest(3));
    const failures: StowageError[] = [];
    const { removed, failed, freedBytes, kept } = await store.collector.collect({
      onFailure: (error) => void failures.push(error),
    });
    assert.deepEqual([removed.content, removed.blob, failed, freedBytes], [5, 4, 1, 400]);
    assert.deepEqual(kept, { blobs: 1, bytes: 100 });
    assert.match(String(failures[0]), /Cannot remove the bytes of blob "sha256:.*input\/output error/);
    assert.equal(await store.content.stat({ digest: digest(3) }), undefined);
    broken = undefined;
    assert.equal((await store.collector.collect()).removed.blob, 1);
    assert.deepEqual(await readdir(join(root, 'blobs', 'sha256')), []);
  });

  it('gives back a blob that was dying and still has its file', async () => {
    await store.close();
    const files: Files = {
      ...nodeFiles,
      sync: {
        ...nodeFiles.sync,
        unlink(path) {
          if (path.includes('blobs')) throw Object.assign(new Error('unlink'), { code: 'EPERM' });
          return nodeFiles.sync.unlink(path);
        },
      },
    };
    store = await openStore({ root }, { files });
    await put(1);
    assert.equal((await store.collector.collect()).failed, 1);
    await put(1);
    await name('image', 1);
    assert.deepEqual((await store.collector.collect()).failed, 0);
    assert.equal((await read(store.content.read({ digest: digest(1) }))).byteLength, 100);
  });

  it('removes what nobody has on record only when it is thorough, and nothing that is no blob', async () => {
    await put(1);
    await name('image', 1);
    await writeFile(fileOf(digest(9)), bytesOf(9, 100));
    await writeFile(join(root, 'blobs', 'sha256', 'notes'), 'mine');
    await mkdir(join(root, 'blobs', 'md5'));
    await writeFile(join(root, 'blobs', 'md5', 'x'), 'mine');
    await writeFile(join(root, 'index.json.tmp'), '{');
    assert.equal((await store.collector.collect()).removed.blob, 0);
    assert.equal((await store.collector.collect({ thorough: true, dryRun: true })).removed.blob, 1);
    assert.ok(existsSync(fileOf(digest(9))));
    const { removed, freedBytes } = await store.collector.collect(thorough);
    assert.deepEqual([removed.blob, freedBytes], [1, 100]);
    assert.deepEqual(
      (await readdir(join(root, 'blobs', 'sha256'))).sort(),
      [digest(1).slice(7), 'notes'].sort(),
    );
    assert.ok(existsSync(join(root, 'blobs', 'md5', 'x')));
    assert.ok(!existsSync(join(root, 'index.json.tmp')));
  });

  it('says what was tried where somebody has taken a part of the store away', async () => {
    await rm(join(root, 'holders'), { recursive: true });
    const { message } = await rejectsWith('NOT_FOUND', store.collector.collect());
    assert.match(message, /^Cannot collect garbage in ".*": no such file or directory$/);
  });

  it('leaves what a dead process left behind for a day, and a thorough one removes it at once', async () => {
    const outside = join(root, '..', 'stowage-collector-outside');
    const child = runChild(
      library,
      root,
      `const store = await openStore({ root });
       const lease = await store.leases.create({ id: 'orphan', ttl: Infinity });
       await store.under(lease).content.put(undefined, () => Buffer.from('leased'));
       await store.leases.create({ id: 'lasting', ttl: Infinity, lasting: true });
       await store.under({ id: 'lasting' }).content.put(undefined, () => Buffer.from('lasting'));
       const ingest = await store.content.openIngest('orphan');
       await ingest.write(Buffer.from('unfinished'));
       const { writeFileSync } = await import('node:fs');
       await store.temporaryFiles.reserve(${JSON.stringify(outside)});
       writeFileSync(${JSON.stringify(outside)}, 'x');
       say('ready'); setInterval(() => {}, 1000);`,
    );
    assert.equal(await child.firstLine, 'ready');
    const none = { image: 0, content: 0, ingest: 0, lease: 0, blob: 0 };
    assert.deepEqual(
      (await store.collector.collect(thorough)).removed,
      none,
      'of a living process nothing goes',
    );
    assert.ok(existsSync(outside));
    await killed(child);

    assert.deepEqual((await store.collector.collect()).removed, none);
    assert.ok(!existsSync(outside));
    const hours = (Number((await store.leases.get('orphan'))?.expiresAt) - Date.now()) / 3_600_000;
    assert.ok(hours > 23.9 && hours <= 24);
    const expected = { ...none, content: 1, ingest: 1, lease: 1, blob: 1 };
    assert.deepEqual((await store.collector.collect({ thorough: true, dryRun: true })).removed, expected);
    assert.deepEqual((await store.collector.collect(thorough)).removed, expected);
    assert.deepEqual(
      (await listOf(store.leases.list())).map(({ id }) => id),
      ['lasting'],
    );
    assert.deepEqual(await readdir(join(root, 'ingest')), []);
    assert.equal((await listOf(store.content.list())).length, 1);
  });

  it('is refused where the store is open for reading, and rehearsed there', async () => {
    await put(1);
    await store.close();
    store = await openStore({ root, readOnly: true });
    await rejectsWith('DENIED', store.collector.collect());
    assert.equal((await store.collector.collect({ dryRun: true, thorough: true })).removed.blob, 1);
  });

  it('removes more blobs than one transaction takes', async () => {
    const count = 1300;
    await Promise.all(Array.from({ length: count }, (_, seed) => put(seed)));
    assert.equal((await store.collector.collect()).removed.blob, count);
    assert.deepEqual(await bothSides().then(([rows, files]) => [rows.length, files.length]), [0, 0]);
  });
});

describe('collections beside other processes', () => {
  it('never take what is named, leased or claimed, and at the end leave exactly what is referred to', async () => {
    const seconds = 6;
    const head = `const store = await openStore({ root });
      const end = Date.now() + ${seconds * 1000};
      const { createHash } = await import('node:crypto');
      const bytesOf = (seed) => Buffer.alloc(2000, 'content ' + seed);
      const targetOf = (bytes) => ({ mediaType: 'a/b', digest: 'sha256:' + createHash('sha256').update(bytes).digest('hex'), size: bytes.length });
      const put = (view, seed, labels) => view.content.put(targetOf(bytesOf(seed)), () => bytesOf(seed), { labels });
      const check = async (view, seed) => { let size = 0; for await (const chunk of view.content.read(targetOf(bytesOf(seed)))) size += chunk.length; if (size !== 2000) throw new Error('lost ' + seed); };
      let rounds = 0;`;
    const tail = `await store.close(); say(rounds);`;
    // Layers are shared by everybody, manifests are of a process.
    const importer = (self: number) => `${head}
      while (Date.now() < end) {
        const layers = Array.from({ length: 4 }, () => Math.floor(Math.random() * 12));
        const name = 'image-${self}-' + rounds % 5;
        const manifest = 1000 + ${self} * 100_000 + rounds;
        const lease = await store.leases.create();
        const view = store.under(lease);
        const held = await view.content.claim(layers.map((seed) => targetOf(bytesOf(seed))));
        for (const seed of layers) if (!held.has(targetOf(bytesOf(seed)).digest)) await put(view, seed);
        const labels = Object.fromEntries(layers.map((seed, place) => ['containerd.io/gc.ref.content.l.' + place, targetOf(bytesOf(seed)).digest]));
        await put(view, manifest, labels);
        const target = targetOf(bytesOf(manifest));
        const current = await store.images.get(name);
        await view.images.apply([current ? { op: 'update', name, target } : { op: 'create', name, target }]);
        await lease.release();
        for (const seed of [manifest, ...layers]) await check(store, seed);
        if (rounds % 3 === 2) await store.images.apply([{ op: 'delete', name }]);
        rounds++;
      } ${tail}`;
    const claimer = `${head}
      while (Date.now() < end) {
        const lease = await store.leases.create();
        const view = store.under(lease);
        for (const digest of await view.content.claim(Array.from({ length: 12 }, (_, seed) => targetOf(bytesOf(seed))))) {
          for await (const chunk of store.content.read({ digest })) rounds += chunk.length > 0;
        }
        await lease.release();
      } ${tail}`;
    const collector = (options: string) => `${head}
      while (Date.now() < end) {
        await store.collector.collect({ ${options} onFailure: (error) => { throw error; } });
        rounds++;
        await new Promise((go) => setTimeout(go, Math.random() * 20));
      } ${tail}`;
    const codes = [importer(1), importer(2), claimer, collector(''), collector('thorough: true,')];
    const rounds = await Promise.all(codes.map((code) => succeeds(runChild(library, root, code))));
    for (const count of rounds) assert.ok(Number(count) > 0, `rounds: ${rounds.join(' ')}`);

    await store.collector.collect(thorough);
    const referred = new Set<string>();
    for await (const { target } of store.images.list()) {
      referred.add(target.digest);
      const info = await store.content.info(target.digest);
      for (const [key, value] of Object.entries(info?.labels ?? {})) {
        if (key.startsWith('containerd.io/gc.ref.content')) referred.add(value);
      }
    }
    for (const each of referred) {
      assert.equal((await read(store.content.read({ digest: each as Digest }))).byteLength, 2000);
    }
    await store.close();
    const [rows, files] = await bothSides();
    assert.deepEqual(rows, [...referred].sort());
    assert.deepEqual(files, rows);
    assert.deepEqual(await readdir(join(root, 'ingest')), []);
  });
});
