import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { layoutTar, named } from '../../test/support/build-archive.js';
import { openStore } from '../backends/dir/index.js';
import { openMemoryStore } from '../backends/memory/index.js';
import { config, layer, manifest } from '../testing/build-image.js';
import { exportArchive, importArchive } from './index.js';

const archive = layoutTar(named('a/b:1', manifest(config(), layer('a', 'a'))));

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-read-only-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('a store that is open for reading', () => {
  it('can be exported from, without leaving anything in it', async () => {
    const root = join(folder, 'root');
    const writable = await openStore({ root });
    await importArchive(writable, archive);
    await writable.close();

    const store = await openStore({ root, readOnly: true });
    const path = join(folder, 'out.tar');
    await exportArchive(store, ['a/b:1'], path);
    expect((await importArchive(openMemoryStore(), path)).images).toMatchObject([{ name: 'a/b:1' }]);
    await expect(importArchive(store, archive, { ref: 'x/y:1', refObject: 'a/b:1' })).rejects.toMatchObject({
      code: 'DENIED',
    });
    await store.close();
    expect(await readdir(join(root, 'holders'))).toEqual([]);
  });
});
