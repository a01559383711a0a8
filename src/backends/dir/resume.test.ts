import assert from 'node:assert/strict';
import {
  appendFile,
  cp,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { childLibrary, killed, runChild, type ChildLibrary } from '../../../test/support/children.js';
import type { Store } from '../../images/store.js';
import type { ByteSource } from '../../io/byte-source.js';
import { createHasher, digestOf } from '../../io/hash.js';
import type { Digest } from '../../oci/digest.js';
import { failureOf, listOf, rejectsWith } from '../../testing/content.js';
import type { Files, OpenFile } from './files.js';
import { nodeFiles } from './node-files.js';
import { openStore } from './open-store.js';

const MIB = 1 << 20;
const PIECES = 200;
const WRITTEN = 120;

/** Content of 200 MiB, no two pieces of which are the same; the same text makes it in a child. */
const PIECE_TEXT =
  'const piece = (n) => { const b = Buffer.alloc(1 << 20, n % 250 + 1); b.writeUInt32LE(n, 7); return b; };';
const piece = (n: number): Buffer => {
  const bytes = Buffer.alloc(MIB, (n % 250) + 1);
  bytes.writeUInt32LE(n, 7);
  return bytes;
};
function* content(): Iterable<Uint8Array> {
  for (let n = 0; n < PIECES; n++) yield piece(n);
}

let folder: string;
let library: ChildLibrary;
let digest: Digest;
let killedRoot: string;
let left: number;
let copies = 0;

/** Files that count what is written to those that are opened for writing. */
function countingFiles() {
  const count = { written: 0 };
  const files: Files = {
    ...nodeFiles,
    async open(path, flags, mode) {
      const file = await nodeFiles.open(path, flags, mode);
      const writev = file.writev.bind(file);
      if (flags !== 'r') {
        file.writev = (async (...args: Parameters<OpenFile['writev']>) => {
          const result = await writev(...args);
          count.written += result.bytesWritten;
          return result;
        }) as OpenFile['writev'];
      }
      return file;
    },
  };
  return { files, count };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-resume-'));
  library = await childLibrary();
  const hasher = createHasher('sha256');
  const source = await open(join(folder, 'source'), 'w');
  for (const each of content()) {
    hasher.update(each);
    await source.write(each);
  }
  await source.close();
  digest = hasher.digest();
  killedRoot = join(folder, 'killed');
  const child = runChild(
    library,
    killedRoot,
    `${PIECE_TEXT}
    const store = await openStore({ root });
    const slowly = async function* () {
      for (let n = 0; n < ${WRITTEN}; n++) yield piece(n);
      say('there');
      await new Promise(() => setInterval(() => {}, 1000));
    };
    await store.content.put({ digest: '${digest}', size: ${PIECES * MIB} }, slowly);`,
  );
  assert.equal(await child.firstLine, 'there');
  left = WRITTEN * MIB;
  // Several writes are under way at a time, and a kill in one of them would leave a hole before what is behind it.
  const data = await dataOf(killedRoot);
  while ((await holdsOf(data)) < left) await setTimeout(5);
  await killed(child);
  assert.equal((await stat(data)).size, left);
});
afterAll(() => rm(folder, { recursive: true }));

async function dataOf(root: string): Promise<string> {
  const [name, ...others] = await readdir(join(root, 'ingest'));
  assert.ok(name !== undefined);
  assert.deepEqual(others, []);
  return join(root, 'ingest', name, 'data');
}

/** How many bytes a file has that are not holes, as the file system counts them. */
async function holdsOf(path: string): Promise<number> {
  const { blocks } = await stat(path);
  return blocks * 512;
}

/** The store as the dead process left it, with that done to its bytes. */
async function afterTheKill(
  damage: (data: string) => Promise<void>,
  test: (store: Store, written: () => number) => Promise<void>,
) {
  const root = join(folder, `copy-${copies++}`);
  await cp(killedRoot, root, { recursive: true });
  await damage(await dataOf(root));
  const { files, count } = countingFiles();
  const store = await openStore({ root }, { files });
  try {
    await test(store, () => count.written);
    let size = 0;
    for await (const chunk of store.content.read({ digest, size: PIECES * MIB })) size += chunk.byteLength;
    assert.equal(size, PIECES * MIB);
    assert.deepEqual(await listOf(store.content.ingests()), []);
    assert.deepEqual(await readdir(join(root, 'ingest')), []);
  } finally {
    await store.close();
    await rm(root, { recursive: true });
  }
}

async function withSource<T>(use: (source: ByteSource) => Promise<T>): Promise<T> {
  const file = await open(join(folder, 'source'));
  try {
    return await use({ file, offset: 0, length: PIECES * MIB });
  } finally {
    await file.close();
  }
}

const put = (store: Store, source: ByteSource) =>
  store.content.put({ digest, size: PIECES * MIB }, () => source);

const WHOLE = { existed: false, size: PIECES * MIB };
const asLeft = async () => {};
const withAnotherByte = async (data: string) => {
  const file = await open(data, 'r+');
  await file.write(Buffer.from([0]), 0, 1, 50 * MIB + 100);
  await file.close();
};
const withZeros = (data: string) => truncate(data, 60 * MIB).then(() => truncate(data, 90 * MIB));

describe('a put whose process was killed', () => {
  it('is listed, with what it has and is to have', async () => {
    const store = await openStore({ root: killedRoot, readOnly: true });
    const [ingest, ...others] = await listOf(store.content.ingests());
    await store.close();
    assert.deepEqual(others, []);
    const { ref, offset, total, expected } = ingest!;
    assert.deepEqual(
      { ref, offset, total, expected },
      { ref: digest, offset: left, total: PIECES * MIB, expected: digest },
    );
  });

  it('is continued from a stream: only the rest is written', () =>
    afterTheKill(asLeft, async (store, written) => {
      assert.deepEqual(await put(store, content()), { ...WHOLE, digest });
      assert.ok(written() <= PIECES * MIB - left + MIB, `${written()} bytes were written`);
    }));

  it('is continued from a file: only the rest is written', () =>
    afterTheKill(asLeft, (store, written) =>
      withSource(async (source) => {
        assert.deepEqual(await put(store, source), { ...WHOLE, digest });
        assert.ok(written() <= PIECES * MIB - left + MIB, `${written()} bytes were written`);
      }),
    ));

  it('is right from a stream whatever became of its bytes, and written from there on', async () => {
    await afterTheKill(withAnotherByte, async (store, written) => {
      assert.deepEqual(await put(store, content()), { ...WHOLE, digest });
      assert.ok(written() >= (PIECES - 51) * MIB && written() <= (PIECES - 49) * MIB + MIB, `${written()}`);
    });
    await afterTheKill(withZeros, async (store) => {
      assert.deepEqual(await put(store, content()), { ...WHOLE, digest });
    });
  });

  it('is right from a file whatever became of its bytes', async () => {
    for (const damage of [
      withAnotherByte,
      withZeros,
      (data: string) => appendFile(data, Buffer.alloc(100 * MIB)),
    ]) {
      await afterTheKill(damage, (store) =>
        withSource(async (source) => assert.deepEqual(await put(store, source), { ...WHOLE, digest })),
      );
    }
  });

  it('is thrown away when the content turns out to be another', () =>
    afterTheKill(asLeft, async (store) => {
      const wrong = function* () {
        for (let n = 0; n < PIECES; n++) yield piece(n === 199 ? 0 : n);
      };
      await rejectsWith('MISMATCH', put(store, wrong()));
      assert.deepEqual(await listOf(store.content.ingests()), []);
      assert.deepEqual(await put(store, content()), { ...WHOLE, digest });
    }));
});

describe('a put that was aborted', () => {
  it('keeps its bytes for the next one, also in another store object', async () => {
    const root = join(folder, 'aborted');
    const controller = new AbortController();
    const reason = new Error('stop');
    const first = await openStore({ root });
    const stopping = async function* () {
      for (let n = 0; n < 60; n++) yield piece(n);
      controller.abort(reason);
      await new Promise(() => {});
    };
    const { signal } = controller;
    assert.equal(
      await failureOf(first.content.put({ digest, size: PIECES * MIB }, stopping, { signal })),
      reason,
    );
    const [kept] = await listOf(first.content.ingests());
    assert.ok(kept !== undefined && kept.offset > 0);
    await first.close();
    const { files, count } = countingFiles();
    const second = await openStore({ root }, { files });
    assert.deepEqual(await put(second, content()), { ...WHOLE, digest });
    assert.ok(count.written <= PIECES * MIB - kept.offset + MIB);
    assert.deepEqual(await readdir(join(root, 'ingest')), []);
    await second.close();
    await rm(root, { recursive: true });
  });

  it('is told so where another process writes the same content by then, and leaves that alone', async () => {
    const root = join(folder, 'taken');
    let child: ReturnType<typeof runChild> | undefined;
    const files: Files = {
      ...nodeFiles,
      async open(path, flags, mode) {
        if (flags === 'wx+' && path.endsWith('/data') && child === undefined) {
          child = runChild(
            library,
            root,
            `${PIECE_TEXT}
            const { content } = await openStore({ root });
            const source = async function* () {
              for (let n = 0; n < 20; n++) yield piece(n);
              say('there');
              await new Promise(() => setInterval(() => {}, 1000));
            };
            await content.abortIngest('${digest}');
            await content.put({ digest: '${digest}', size: ${PIECES * MIB} }, source);`,
          );
          assert.equal(await child.firstLine, 'there');
        }
        return nodeFiles.open(path, flags, mode);
      },
    };
    const store = await openStore({ root }, { files });
    await rejectsWith('CONFLICT', put(store, content()));
    const [theirs] = await listOf(store.content.ingests());
    assert.ok(theirs !== undefined && theirs.offset > 0);
    await killed(child!);
    await store.close();
    await rm(root, { recursive: true });
  });

  it('keeps nothing after a sync has failed: what the system dropped would not be seen', async () => {
    const root = join(folder, 'unsynced');
    let syncs = 0;
    const files: Files = {
      ...nodeFiles,
      async open(path, flags, mode) {
        const file = await nodeFiles.open(path, flags, mode);
        const datasync = file.datasync.bind(file);
        file.datasync = () =>
          syncs++ === 0 ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' })) : datasync();
        return file;
      },
    };
    const store = await openStore({ root }, { files });
    await rejectsWith('CORRUPT', put(store, content()));
    assert.deepEqual(await readdir(join(root, 'ingest')), []);
    await store.close();
    await rm(root, { recursive: true });
  });
});

describe('an ingest whose process was killed', () => {
  const begin = async (root: string) => {
    const child = runChild(
      library,
      root,
      `${PIECE_TEXT}
      const store = await openStore({ root });
      const ingest = await store.content.openIngest('upload', { total: ${PIECES * MIB} });
      for (let n = 0; n < 60; n++) await ingest.write(piece(n));
      say('there');
      await new Promise(() => setInterval(() => {}, 1000));`,
    );
    assert.equal(await child.firstLine, 'there');
    return child;
  };

  it('is refused while it lives, and had by the next one when it is dead', async () => {
    const root = join(folder, 'ingest');
    const child = await begin(root);
    const store = await openStore({ root });
    await rejectsWith('BUSY', store.content.openIngest('upload', { patience: 50 }));
    const waiting = store.content.openIngest('upload', { patience: 60_000 });
    await killed(child);
    const ingest = await waiting;
    const { offset } = ingest.status;
    assert.ok(offset >= 40 * MIB && offset <= 60 * MIB, `${offset} bytes are left`);
    assert.equal(offset % MIB, 0);
    for (let n = offset / MIB; n < PIECES; n++) await ingest.write(piece(n));
    assert.deepEqual(await ingest.commit({ expect: digest }), { ...WHOLE, digest });
    await store.close();
    await rm(root, { recursive: true });
  });

  it('is not believed what was not synced, which may be anything after a power cut', async () => {
    const root = join(folder, 'cut');
    await killed(await begin(root));
    const data = await dataOf(root);
    const progress = await readFile(join(data, '..', 'progress.json'), 'utf8');
    const { synced } = JSON.parse(progress) as { readonly synced: number };
    assert.ok(synced >= 40 * MIB);
    await truncate(data, synced);
    await appendFile(data, Buffer.alloc(3 * MIB));
    const store = await openStore({ root });
    const ingest = await store.content.openIngest('upload');
    const { offset } = ingest.status;
    assert.equal(offset, synced);
    const hasher = createHasher('sha256');
    for (let n = 0; n < offset / MIB; n++) hasher.update(piece(n));
    assert.equal(ingest.status.digest, hasher.digest());
    await ingest.close();
    await store.close();
    await rm(root, { recursive: true });
  });

  it('goes on with the bytes of one that was killed between its rename and its commit', async () => {
    const root = join(folder, 'renamed');
    const text = Buffer.from('all of it');
    const expect = digestOf(text);
    await using store = await openStore({ root });
    await using first = await store.content.openIngest('ref', { expect });
    await first.write(text);
    await first.close();
    const [ingest = ''] = await readdir(join(root, 'ingest'));
    const blob = join(root, 'blobs', 'sha256', expect.slice('sha256:'.length));
    await rename(join(root, 'ingest', ingest, 'data'), blob);
    assert.equal(await store.content.info(expect), undefined);

    await using second = await store.content.openIngest('ref', { expect });
    assert.equal(second.status.offset, text.length);
    assert.deepEqual(await readdir(join(root, 'blobs', 'sha256')), []);
    assert.equal((await second.commit()).digest, expect);
  });

  it('leaves a blob that is on record where it is', async () => {
    const root = join(folder, 'recorded');
    const text = Buffer.from('all of it');
    const expect = digestOf(text);
    await using store = await openStore({ root });
    await using first = await store.content.openIngest('ref', { expect });
    await first.close();
    const other = store.namespace('other');
    await other.content.put({ digest: expect, size: text.length }, () => text);
    const [ingest = ''] = await readdir(join(root, 'ingest'));
    await rm(join(root, 'ingest', ingest, 'data'));
    await using second = await store.content.openIngest('ref', { expect });
    await second.write(text);
    assert.notEqual(await other.content.info(expect), undefined);
    assert.equal((await listOf(other.content.read({ digest: expect }))).join(''), text.toString());
    await second.close();
  });
});
