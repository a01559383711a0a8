import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { bytesOf, collect, listOf, targetOf } from '../../testing/content.js';
import { digestOf } from '../../io/hash.js';
import {
  childLibrary,
  killed,
  runChild,
  succeeds,
  type ChildLibrary,
} from '../../../test/support/children.js';
import { openStore } from './open-store.js';

let folder: string;
let library: ChildLibrary;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-processes-'));
  library = await childLibrary();
});
afterAll(() => rm(folder, { recursive: true }));

const run = (root: string, code: string) => runChild(library, root, code);

const ENDLESS = `const endless = async function* () {
  const chunk = Buffer.alloc(1 << 20, 7);
  for (let count = 0; ; count++) { yield chunk; if (count === 40) say('writing'); if (count > 40) await new Promise((go) => setTimeout(go, 20)); }
};`;

describe('several processes', () => {
  it('open a root that does not exist yet, eight at once, fifteen times', async () => {
    for (let round = 0; round < 15; round++) {
      const root = join(folder, `new-${round}`, 'root');
      const code = `const store = await openStore({ root });
        const target = { mediaType: 'a/b', digest: 'sha256:' + '0'.repeat(64), size: 1 };
        await store.images.apply([{ op: 'create', name: 'image-' + process.pid, target }]);
        await store.close();`;
      await Promise.all(Array.from({ length: 8 }, () => succeeds(run(root, code))));
      const store = await openStore({ root });
      const names = (await listOf(store.images.list())).map(({ name }) => name);
      await store.close();
      assert.equal(names.length, 8);
      const index = JSON.parse(await readFile(join(root, 'index.json'), 'utf8'));
      assert.deepEqual(
        index.manifests.map((entry: { annotations: object }) => Object.values(entry.annotations)[0]),
        names,
      );
    }
  });

  it('put the same and different blobs at once, and none is lost', async () => {
    const root = join(folder, 'same');
    const code = `const store = await openStore({ root });
      const { createHash } = await import('node:crypto');
      for (let number = 0; number < 20; number++) {
        const shared = Buffer.alloc(70_000, number);
        const own = Buffer.from('of ' + process.pid + ' ' + number);
        for (const bytes of [shared, own]) {
          const digest = 'sha256:' + createHash('sha256').update(bytes).digest('hex');
          await store.content.put({ digest, size: bytes.length }, () => bytes);
        }
      }
      await store.close();`;
    await Promise.all(Array.from({ length: 4 }, () => succeeds(run(root, code))));
    const store = await openStore({ root });
    const blobs = await listOf(store.content.list());
    assert.equal(blobs.length, 20 + 4 * 20);
    for (const blob of blobs) assert.equal((await collect(store.content.read(blob))).byteLength, blob.size);
    await store.close();
    assert.deepEqual(await readdir(join(root, 'ingest')), []);
    assert.deepEqual(await readdir(join(root, 'holders')), []);
  });

  it('leave a store to the others when one is killed while it puts a blob', async () => {
    const root = join(folder, 'killed');
    const child = run(
      root,
      `${ENDLESS} const store = await openStore({ root }); await store.content.put(undefined, endless);`,
    );
    assert.equal(await child.firstLine, 'writing');
    await killed(child);
    assert.equal((await readdir(join(root, 'ingest'))).length, 1);
    assert.deepEqual(await readdir(join(root, 'blobs', 'sha256')), []);
    const store = await openStore({ root });
    assert.deepEqual(await listOf(store.content.list()), []);
    await store.content.put(undefined, () => bytesOf(1, 100));
    assert.equal((await listOf(store.content.list())).length, 1);
    await store.close();
  });

  it('lose nothing that one of them said was done, whenever it is killed', async () => {
    const root = join(folder, 'killed-often');
    const done: string[] = [];
    for (let round = 0; round < 8; round++) {
      const child = run(
        root,
        `const store = await openStore({ root });
         for (let number = 0; ; number++) {
           const name = 'image-${round}-' + number;
           const { digest, size } = await store.content.put(undefined, () => Buffer.alloc(200_000, name));
           await store.images.apply([{ op: 'create', name, target: { mediaType: 'a/b', digest, size } }]);
           say(name + ' ' + digest);
         }`,
      );
      await child.firstLine;
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 50));
      await killed(child);
      const { output } = await child.ended;
      done.push(...output.split('\n').slice(0, -1));
    }
    const warnings: string[] = [];
    const store = await openStore({ root, onWarning: (message) => void warnings.push(message) });
    const images = await listOf(store.images.list());
    const recorded = new Map(images.map(({ name, target }) => [name, target.digest as string]));
    assert.ok(done.length >= 8);
    for (const line of done) {
      const [name = '', digest] = line.split(' ');
      assert.equal(recorded.get(name), digest);
    }
    for (const { target } of images)
      assert.equal((await collect(store.content.read(target))).byteLength, 200_000);
    const index = JSON.parse(await readFile(join(root, 'index.json'), 'utf8'));
    assert.equal(index.manifests.length, images.length);
    assert.deepEqual(warnings, []);
    await store.close();
  });

  it('take over the unfinished write of a dead process for the same digest', async () => {
    const root = join(folder, 'taken-over');
    const content = bytesOf(3, 50_000_000);
    const digest = digestOf(content);
    const code = (digest: string) =>
      `${ENDLESS} const store = await openStore({ root }); await store.content.put({ digest: '${digest}' }, endless);`;
    const child = run(root, code(digest));
    await child.firstLine;
    const [name] = await readdir(join(root, 'ingest'));
    const store = await openStore({ root });
    // While it lives, it holds nobody up.
    assert.equal((await store.content.put({ digest }, () => content)).existed, false);
    await store.content.delete(digest);
    assert.deepEqual(await readdir(join(root, 'ingest')), [name]);
    await killed(child);
    assert.equal((await store.content.put({ digest }, () => content)).existed, false);
    assert.deepEqual(await readdir(join(root, 'ingest')), []);
    assert.ok((await collect(store.content.read({ digest }))).equals(content));
    await store.close();
  });

  it('remove the temporary files of a dead one when they open the store, and keep its leases for a day', async () => {
    const root = join(folder, 'orphans');
    const path = join(folder, 'outside');
    await writeFile(path, 'unfinished');
    const child = run(
      root,
      `const store = await openStore({ root });
       await store.temporaryFiles.reserve(${JSON.stringify(path)});
       const lease = await store.leases.create({ id: 'forever', ttl: Infinity });
       await store.under(lease).content.put(undefined, () => Buffer.from('leased'));
       say('ready'); setInterval(() => {}, 1000);`,
    );
    assert.equal(await child.firstLine, 'ready');
    const store = await openStore({ root });
    await store.temporaryFiles.reserve(join(folder, 'another'));
    assert.ok(existsSync(path), 'a living process keeps its files');
    await store.close();
    await killed(child);
    assert.equal((await readdir(join(root, 'holders'))).length, 1);

    const reading = await openStore({ root, readOnly: true });
    assert.equal((await listOf(reading.leases.list()))[0]?.expiresAt, undefined);
    await reading.close();
    assert.ok(existsSync(path), 'who only reads removes nothing');

    // Who may come to write nothing clears it, too.
    const later = await openStore({ root });
    assert.ok(!existsSync(path), 'the file of the dead process is still there');
    assert.deepEqual(await readdir(join(root, 'holders')), []);
    const [lease] = await listOf(later.leases.list());
    const hours = (Number(lease?.expiresAt) - Date.now()) / 3_600_000;
    assert.ok(hours > 23.9 && hours <= 24, `the lease lasts ${hours} hours`);
    await later.close();
  });

  it('end by themselves with a store that is open and idle', async () => {
    const root = join(folder, 'idle');
    const code = `const store = await openStore({ root });
      await store.leases.create(); await store.content.put(undefined, () => Buffer.from('x')); say('done');`;
    assert.equal(await succeeds(run(root, code)), 'done');
  });

  it('leave no trace of a command that only reads', async () => {
    const root = join(folder, 'reading');
    const store = await openStore({ root });
    await store.content.put(targetOf(bytesOf(1, 10)), () => bytesOf(1, 10));
    await store.close();
    const before = await readFile(join(root, 'metadata.db'));
    const code = `const store = await openStore({ root });
      for await (const blob of store.content.list()) say(blob.digest);
      for await (const image of store.images.list()) say(image.name);
      await store.close();`;
    assert.equal(await succeeds(run(root, code)), targetOf(bytesOf(1, 10)).digest);
    assert.deepEqual(await readFile(join(root, 'metadata.db')), before);
    assert.deepEqual(await readdir(join(root, 'holders')), []);
  });
});
