import assert from 'node:assert/strict';
import { unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { Store } from '../../images/store.js';
import { encodedOf } from '../../oci/digest.js';
import { bytesOf, collect, targetOf } from '../../testing/content.js';
import { loadLibrary } from './database/library.js';
import { storeForEach } from '../../../test/support/temporary.js';

const small = bytesOf(1, 1000);
const target = targetOf(small);
const mustNotOpen = (): never => assert.fail('open was called');

let root: string;
let store: Store;

storeForEach((opened) => ({ root, store } = opened));

/** What a collection in another process has done so far: the blob is marked, its file perhaps gone already. */
async function collecting({ fileIsGone }: { fileIsGone: boolean }): Promise<void> {
  await store.content.put(target, () => small);
  const database = (await loadLibrary()).open(join(root, 'metadata.db'));
  database.exec(`UPDATE blobs SET state = 'dying'`);
  database.close();
  if (fileIsGone) await unlink(join(root, 'blobs', 'sha256', encodedOf(target.digest)));
}

describe('a blob that is about to be collected', () => {
  it('lives on when it is claimed or put while its file is there', async () => {
    await collecting({ fileIsGone: false });
    assert.equal((await store.content.claim([target])).size, 1);
    await collecting({ fileIsGone: false });
    assert.equal((await store.content.put(target, mustNotOpen)).existed, true);
    await collecting({ fileIsGone: false });
    assert.equal((await store.namespace('other').content.put(target, mustNotOpen)).existed, true);
    // A collection that comes back now finds it alive.
    const database = (await loadLibrary()).open(join(root, 'metadata.db'));
    const states = database.prepare('SELECT state FROM blobs').all();
    database.close();
    assert.deepEqual(
      states.map(({ state }) => state),
      ['live'],
    );
  });

  it('is missing when its file is gone, and can be taken in again', async () => {
    await collecting({ fileIsGone: true });
    const lease = await store.leases.create();
    assert.equal((await store.content.claim([target])).size, 0);
    assert.equal((await store.under(lease).content.claim([target])).size, 0);
    assert.equal((await store.content.put(target, () => small)).existed, false);
    assert.ok((await collect(store.content.read(target))).equals(small));
  });
});
