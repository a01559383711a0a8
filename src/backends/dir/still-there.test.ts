import assert from 'node:assert/strict';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import type { StowageError } from '../../errors.js';
import type { Store } from '../../images/store.js';
import { bytesOf, failureOf, listOf, rejectsWith, targetOf } from '../../testing/content.js';
import { openStore } from './open-store.js';

const small = bytesOf(1, 100);
const target = targetOf(small);

let folder: string;
let root: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-gone-'));
  root = join(folder, 'root');
  store = await openStore({ root });
  await store.content.put(target, () => small);
  await store.images.apply([{ op: 'create', name: 'a', target }]);
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

async function everyCallSaysSo(): Promise<void> {
  const { content, images, leases, namespaces, collector } = store;
  const calls: readonly (() => Promise<unknown>)[] = [
    () => content.put(target, () => small),
    () => content.put(undefined, () => bytesOf(2, 100)),
    () => content.openIngest('ref'),
    () => content.claim([target]),
    () => listOf(content.read(target)),
    () => content.delete(target.digest),
    () => images.get('a'),
    () => images.apply([{ op: 'create', name: 'b', target }]),
    () => leases.create(),
    () => namespaces.create('team'),
    () => collector.collect({ thorough: true }),
  ];
  for (const call of calls) {
    const { code, message, hint } = (await failureOf(call())) as StowageError;
    assert.equal(code, 'UNAVAILABLE', `${String(call)}: ${message}`);
    assert.ok(message.includes(`${JSON.stringify(root)}: its folder was removed`), message);
    assert.ok(hint?.includes('open it again'));
  }
}

describe('a store whose root goes while it is open', () => {
  it('says so from every call, and reports nothing as done', async () => {
    await rm(root, { recursive: true });
    await everyCallSaysSo();
  });

  it('says so when another store is there by now', async () => {
    await rename(root, join(folder, 'moved'));
    await using other = await openStore({ root });
    await everyCallSaysSo();
    assert.deepEqual(await listOf(other.images.list()), []);
  });

  it('goes on when it is put back', async () => {
    await rename(root, join(folder, 'moved'));
    await rejectsWith('UNAVAILABLE', store.images.get('a'));
    await rename(join(folder, 'moved'), root);
    assert.equal((await store.images.get('a'))?.name, 'a');
    await store.content.put(undefined, () => bytesOf(2, 100));
  });
});
