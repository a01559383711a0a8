import assert from 'node:assert/strict';
import { chmod, mkdir, open, readdir, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, it } from 'vitest';
import type { Store } from '../../images/store.js';
import { encodedOf } from '../../oci/digest.js';
import { bytesOf, collect, failureOf, rejectsWith, targetOf } from '../../testing/content.js';
import type { Files, OpenFile, SyncFiles } from './files.js';
import { nodeFiles } from './node-files.js';
import { openStore } from './open-store.js';
import { storeForEach } from '../../../test/support/temporary.js';

const small = bytesOf(1, 1000);
const large = bytesOf(2, 40_000_000);
const target = targetOf(small);

let root: string;
let store: Store;

storeForEach((opened) => ({ root, store } = opened));

const pathOf = ({ digest }: typeof target) => join(root, 'blobs', 'sha256', encodedOf(digest));
const mustNotOpen = (): never => assert.fail('open was called');

/** The same store with some operations on files replaced. */
async function reopened(files: Partial<Files>, sync: Partial<SyncFiles> = {}): Promise<void> {
  await store.close();
  store = await openStore(
    { root },
    { files: { ...nodeFiles, ...files, sync: { ...nodeFiles.sync, ...sync } } },
  );
}

/** Files whose handles for writing differ. */
function writingWith(change: (file: OpenFile) => Partial<OpenFile>): Partial<Files> {
  return {
    async open(path, flags, mode) {
      const file = await nodeFiles.open(path, flags, mode);
      if (flags === 'r') return file;
      const plain: OpenFile = {
        read: file.read.bind(file),
        writev: file.writev.bind(file),
        truncate: file.truncate.bind(file),
        chmod: file.chmod.bind(file),
        stat: file.stat.bind(file),
        datasync: file.datasync.bind(file),
        sync: file.sync.bind(file),
        close: file.close.bind(file),
      };
      return { ...plain, ...change(plain) };
    },
  };
}

const systemError = (code: string) => Object.assign(new Error(code), { code });

async function isEmpty(): Promise<void> {
  assert.equal(await store.content.stat(target), undefined);
  assert.deepEqual(await readdir(join(root, 'ingest')), []);
}

describe('content in a folder', () => {
  it('is one file a blob that nobody may write', async () => {
    await store.content.put(target, () => small);
    const { mode, size } = await stat(pathOf(target));
    assert.equal(mode & 0o777, 0o444);
    assert.equal(size, small.byteLength);
    const longer = await store.content.put(undefined, () => small, { algorithm: 'sha512' });
    assert.equal(
      (await stat(join(root, 'blobs', 'sha512', encodedOf(longer.digest)))).size,
      small.byteLength,
    );
    assert.deepEqual(await readdir(join(root, 'ingest')), []);
  });

  it('is shared by namespaces: what one holds the other gets without its bytes', async () => {
    await store.content.put(target, () => small);
    const elsewhere = store.namespace('elsewhere');
    const linked = await elsewhere.content.put(target, mustNotOpen, { labels: { a: '1' } });
    assert.deepEqual(linked, { digest: target.digest, size: 1000, existed: true });
    assert.deepEqual((await elsewhere.content.info(target.digest))?.labels, { a: '1' });
    assert.equal(await store.content.delete(target.digest), true);
    assert.ok((await collect(elsewhere.content.read(target))).equals(small));
    assert.equal(await elsewhere.content.delete(target.digest), true);
    assert.deepEqual(await readdir(join(root, 'blobs', 'sha256')), []);
  });

  it('that was changed behind the back of the store is not handed out to its end', async () => {
    await store.content.put(target, () => small);
    await chmod(pathOf(target), 0o644);
    await writeFile(pathOf(target), bytesOf(3, 1000));
    await rejectsWith('CORRUPT', collect(store.content.read(target)));
    await truncate(pathOf(target), 999);
    await rejectsWith('CORRUPT', collect(store.content.read(target)));
    await rejectsWith('CORRUPT', collect(store.content.read(target, { range: { length: 5 } })));
    await unlink(pathOf(target));
    const error = await rejectsWith('CORRUPT', collect(store.content.read(target)));
    assert.match(error.message, /its file is gone/);
  });

  it('whose file is gone is taken in again', async () => {
    await store.content.put(target, () => small, { labels: { a: '1' } });
    await unlink(pathOf(target));
    assert.equal((await store.content.put(target, () => small)).existed, false);
    assert.ok((await collect(store.content.read(target))).equals(small));
    assert.deepEqual((await store.content.info(target.digest))?.labels, { a: '1' });
  });

  it('whose file is gone or cut is not claimed, so that an import brings it back', async () => {
    await store.content.put(target, () => small);
    const view = store.under(await store.leases.create());
    await chmod(pathOf(target), 0o644);
    await truncate(pathOf(target), 999);
    assert.equal((await view.content.claim([target])).size, 0);
    await unlink(pathOf(target));
    assert.equal((await view.content.claim([target])).size, 0);
    assert.equal((await store.content.claim([target])).size, 0);
    assert.equal((await view.content.put(target, () => small)).existed, false);
    assert.equal((await view.content.claim([target])).size, 1);
  });

  it('of many pieces is written whole where the system writes less than it is given', async () => {
    await reopened(
      writingWith(({ writev }) => ({
        writev: ((pieces: readonly Uint8Array[], position: number) =>
          writev([Buffer.from(pieces[0] ?? []).subarray(0, 300_001)], position)) as OpenFile['writev'],
      })),
    );
    const bytes = large.subarray(0, 5_000_000);
    const several = [bytes.subarray(0, 10), bytes.subarray(10, 2_000_000), bytes.subarray(2_000_000)];
    await store.content.put(targetOf(bytes), () => several);
    assert.ok((await collect(store.content.read(targetOf(bytes)))).equals(bytes));
  });

  it('is not stored when the disk is full', async () => {
    await reopened(
      writingWith(({ writev }) => ({
        writev: (pieces, position) =>
          (position ?? 0) > 3_000_000 ? Promise.reject(systemError('ENOSPC')) : writev(pieces, position),
      })),
    );
    let taken = 0;
    const endless = async function* () {
      for (;;) {
        taken += 1 << 20;
        assert.ok(taken < 1 << 30, 'the source is read on although nothing can be written');
        yield Buffer.alloc(1 << 20);
      }
    };
    const error = await rejectsWith('NO_SPACE', store.content.put(undefined, endless));
    assert.match(error.message, /^Cannot store a blob in ".*": no space left on the disk$/);
    await isEmpty();
  });

  it('is not stored when a sync on the way fails, though the last one succeeds', async () => {
    let syncs = 0;
    await reopened(
      writingWith(({ datasync }) => ({
        datasync: () => (syncs++ === 0 ? Promise.reject(systemError('EIO')) : datasync()),
      })),
    );
    await rejectsWith(
      'CORRUPT',
      store.content.put(targetOf(large), () => large),
    );
    assert.equal(await store.content.stat(targetOf(large)), undefined);
    await isEmpty();
  });

  it('is synced with its name before it is on record', async () => {
    const done: string[] = [];
    await reopened(
      writingWith(({ sync }) => ({
        async sync() {
          await sync();
          done.push('data');
        },
      })),
      {
        rename(from, to) {
          nodeFiles.sync.rename(from, to);
          done.push('rename');
        },
        syncFolder(folder) {
          assert.ok(folder.endsWith('sha256'));
          done.push('folder');
          throw systemError('EIO');
        },
      },
    );
    await rejectsWith(
      'CORRUPT',
      store.content.put(target, () => small),
    );
    assert.deepEqual(done, ['data', 'rename', 'folder']);
    await isEmpty();
    await reopened({});
    assert.equal((await store.content.put(target, () => small)).existed, false);
  });

  it('has a folder that is synced first, even if another process made it', async () => {
    await mkdir(join(root, 'blobs', 'sha512'));
    const synced: string[] = [];
    await reopened(
      {},
      {
        syncFolder(folder) {
          nodeFiles.sync.syncFolder(folder);
          synced.push(relative(root, folder));
        },
      },
    );
    for (const bytes of [small, large])
      await store.content.put(undefined, () => bytes, { algorithm: 'sha512' });
    assert.deepEqual(synced, ['blobs', join('blobs', 'sha512'), join('blobs', 'sha512')]);
  });

  it('that comes from a file has its end checked, and the file may be closed at once after a failure', async () => {
    const path = join(root, 'blobs', 'source');
    await writeFile(path, large);
    const file = await open(path);
    const slice = { file, offset: 0, length: large.byteLength };
    const wrong = { ...targetOf(large), size: large.byteLength - 1 };
    await rejectsWith(
      'MISMATCH',
      store.content.put(wrong, () => slice),
    );
    const controller = new AbortController();
    const reason = new Error('stop');
    const onBytes = (count: number) => void (count > 0 && controller.abort(reason));
    const put = store.content.put(targetOf(large), () => slice, { onBytes, signal: controller.signal });
    assert.equal(await failureOf(put), reason);
    assert.equal(await store.content.stat(targetOf(large)), undefined);
    let counted = 0;
    await store.content.put(targetOf(large), () => slice, { onBytes: (count) => (counted += count) });
    await file.close();
    assert.equal(counted, large.byteLength);
    assert.ok((await collect(store.content.read(targetOf(large)))).equals(large));
  });

  it('does not outlive its deletion on the disk, and survives being wanted again meanwhile', async () => {
    await store.content.put(target, () => small);
    const [deleted, stored] = await Promise.all([
      store.content.delete(target.digest),
      store.content.put(target, () => small),
    ]);
    assert.equal(deleted, true);
    assert.equal(stored.size, 1000);
    const held = await store.content.stat(target);
    const files = await readdir(join(root, 'blobs', 'sha256'));
    assert.equal(files.length, held === undefined ? 0 : 1);
  });
});
