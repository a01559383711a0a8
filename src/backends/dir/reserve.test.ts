import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { isStowageError, StowageError } from '../../errors.js';
import type { Files } from './files.js';
import { nodeFiles } from './node-files.js';
import { checkStore, openStore } from './index.js';
import { openStore as openWith } from './open-store.js';
import { Paths } from './paths.js';
import { keepReserve, withReserve } from './reserve.js';

let root: string;
let paths: Paths;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stowage-reserve-'));
  paths = new Paths(root);
});
afterEach(() => rm(root, { recursive: true }));

const files = nodeFiles;
const sizeOf = async (path: string) => (await nodeFiles.stat(path))?.size;
const noSpace = () => new StowageError('NO_SPACE', 'Cannot remove "x": no space left on the disk');

async function openAndClose(options: { toRemove?: boolean; files?: Files } = {}): Promise<void> {
  const { files = nodeFiles, ...rest } = options;
  await using _ = await openWith({ root, ...rest }, { files });
}

describe('the reserve', () => {
  it('is made with the store, of bytes that no file system keeps in less', async () => {
    await openAndClose();
    const bytes = await readFile(paths.reserve);
    assert.ok(bytes.length >= 512 << 10);
    assert.ok(gzipSync(bytes).length > 256 << 10);
    assert.deepEqual((await checkStore({ root })).findings, []);
  });

  it('is made again where it is gone, cut short, or small for the database, and else left alone', async () => {
    await openAndClose();
    const { ino } = await stat(paths.reserve);
    await openAndClose();
    assert.equal((await stat(paths.reserve)).ino, ino);
    await truncate(paths.reserve, 1000);
    await openAndClose();
    const size = (await sizeOf(paths.reserve)) ?? 0;
    assert.ok(size >= 512 << 10);
    await rm(paths.reserve);
    await openAndClose({ toRemove: true });
    assert.equal(await sizeOf(paths.reserve), undefined);
    await openAndClose();
    assert.equal(await sizeOf(paths.reserve), size);
    await writeFile(paths.database, Buffer.alloc(size));
    await keepReserve({ files, paths });
    assert.ok(((await sizeOf(paths.reserve)) ?? 0) > 2 * size);
  });

  it('is not made where space is short, and a store works without it', async () => {
    await openAndClose({ files: { ...nodeFiles, freeSpace: async () => 1 << 20 } });
    assert.equal(await sizeOf(paths.reserve), undefined);
    const failing = async () => {
      throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    };
    await openAndClose({ files: { ...nodeFiles, freeSpace: failing } });
    assert.equal(await sizeOf(paths.reserve), undefined);
    await using store = await openStore({ root, toRemove: true });
    await store.collector.collect();
  });

  it('is given up once, by who removes and finds no space', async () => {
    await openAndClose();
    let calls = 0;
    const work = async () => {
      if (calls++ === 0) throw noSpace();
      return 'done';
    };
    assert.equal(await withReserve({ files, paths }, work), 'done');
    assert.equal(await sizeOf(paths.reserve), undefined);
    calls = 0;
    await assert.rejects(withReserve({ files, paths }, work), (error) => isStowageError(error, 'NO_SPACE'));
    assert.equal(calls, 1);
  });

  it('stays when the removal fails for something else', async () => {
    await openAndClose();
    const failing = async () => {
      throw new StowageError('BUSY', 'Cannot remove "x": others use it');
    };
    await assert.rejects(withReserve({ files, paths }, failing), (error) => isStowageError(error, 'BUSY'));
    assert.ok((await sizeOf(paths.reserve)) !== undefined);
  });
});
