import assert from 'node:assert/strict';
import { mkdtemp, open, rm, stat, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { writeThrough } from './write-through.js';

let folder: string;
let file: FileHandle;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-write-'));
  file = await open(join(folder, 'file'), 'wx');
});
afterEach(async () => {
  await file.close();
  await rm(folder, { recursive: true });
});

const piece = Buffer.alloc(1 << 20, 'x');

async function* pieces(count: number) {
  for (let n = 0; n < count; n++) {
    yield piece;
    // A disk takes its time as well.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('writing a regular file', () => {
  it('fails when a sync on the way fails, though the last one succeeds', async () => {
    const failure = Object.assign(new Error('EIO'), { code: 'EIO' });
    let syncs = 0;
    file.datasync = () => (syncs++ === 0 ? Promise.reject(failure) : Promise.resolve());
    await assert.rejects(writeThrough(file, pieces(40), 'regular'), failure);
    assert.equal(syncs, 1);
  });

  it('writes everything, several syncs on the way', async () => {
    assert.equal(await writeThrough(file, pieces(70), 'regular'), 70 << 20);
    assert.equal((await stat(join(folder, 'file'))).size, 70 << 20);
  });
});
