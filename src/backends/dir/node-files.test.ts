import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { Store } from '../../images/store.js';
import { bytesOf, collect, targetOf } from '../../testing/content.js';
import type { Files } from './files.js';
import { nodeFiles } from './node-files.js';
import { openStore } from './open-store.js';
import { storeForEach } from '../../../test/support/temporary.js';

const small = bytesOf(1, 1000);
const target = targetOf(small);

let root: string;
let store: Store;

storeForEach((opened) => ({ root, store } = opened));

describe('the files of the database', () => {
  it('are opened by nobody but SQLite, since any other close would drop its locks', async () => {
    await store.close();
    const opened: string[] = [];
    const recording = (files: Files): Files => ({
      ...files,
      open: (path, flags, mode) => (opened.push(path), files.open(path, flags, mode)),
      readText: (path) => (opened.push(path), files.readText(path)),
      createText: (path, content) => (opened.push(path), files.createText(path, content)),
      copy: (from, to) => (opened.push(from, to), files.copy(from, to)),
      sync: {
        ...files.sync,
        read: (path) => (opened.push(path), files.sync.read(path)),
        writeSynced: (path, content) => (opened.push(path), files.sync.writeSynced(path, content)),
      },
    });
    store = await openStore({ root }, { files: recording(nodeFiles) });
    const lease = await store.leases.create();
    await store.under(lease).content.put(target, () => small);
    await collect(store.content.read(target));
    await store.images.apply([{ op: 'create', name: 'a', target }]);
    await (await store.temporaryFiles.reserve(join(root, 'x'))).forget();
    const reader = await openStore({ root, readOnly: true }, { files: recording(nodeFiles) });
    await reader.images.get('a');
    await reader.close();
    await store.content.delete(target.digest);
    await store.close();
    assert.ok(
      opened.some((path) => path.endsWith('data')),
      'nothing was recorded',
    );
    assert.deepEqual(
      opened.filter((path) => /metadata\.db|holders/.test(path)),
      [],
    );
  });
});
