import assert from 'node:assert/strict';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Store } from '../images/store.js';
import type { Bytes } from '../io/byte-source.js';
import { bytesOf, collect, failureOf, inPieces, listOf, rejectsWith, targetOf } from './content.js';
import type { SuiteTests } from './frame.js';

const MIB = 1 << 20;
const small = bytesOf(1, 256);
const other = bytesOf(2, 256);

/** Puts content in pieces of 32 bytes and checks everything that is said about it afterwards. */
async function putsInPieces(store: Store, content: Uint8Array, known: 'nothing' | 'digest' | 'both') {
  const whole = targetOf(content);
  const target = { nothing: undefined, digest: { digest: whole.digest }, both: whole }[known];
  const before = Date.now();
  let counted = 0;
  const stored = await store.content.put(target, () => inPieces(content, 32), {
    labels: { k1: 'v1', k2: 'v2' },
    onBytes: (count) => (counted += count),
  });
  const after = Date.now();
  assert.deepEqual(stored, { digest: whole.digest, size: content.byteLength, existed: false });
  assert.equal(counted, content.byteLength);
  const info = await store.content.info(whole.digest);
  assert.ok(info);
  assert.equal(info.size, content.byteLength);
  assert.deepEqual(info.labels, { k1: 'v1', k2: 'v2' });
  for (const time of [info.createdAt, info.updatedAt]) {
    assert.ok(before <= time.getTime() && time.getTime() <= after, `${time.toISOString()} is not in between`);
  }
  assert.ok((await collect(store.content.read(whole))).equals(content));
}

/** Nothing of a failed put is visible, and the same content can be put afterwards. */
async function leavesNothing(store: Store, content: Uint8Array) {
  const target = targetOf(content);
  assert.deepEqual(await listOf(store.content.list()), []);
  assert.equal(await store.content.stat(target), undefined);
  assert.equal((await store.content.claim([target])).size, 0);
  const stored = await store.content.put(target, () => content);
  assert.deepEqual(stored, { digest: target.digest, size: target.size, existed: false });
}

const mustNotOpen = (): never => assert.fail('open was called though the content is held');

export const writeTests: SuiteTests = {
  'stores 256 bytes in pieces of 32 with nothing known': (store) => putsInPieces(store, small, 'nothing'),
  'stores 256 bytes in pieces of 32 with the digest known': (store) => putsInPieces(store, small, 'digest'),
  'stores 256 bytes in pieces of 32 with digest and size known': (store) =>
    putsInPieces(store, small, 'both'),
  'stores 32 MiB in pieces of 32 with nothing known': (store) =>
    putsInPieces(store, bytesOf(3, 32 * MIB), 'nothing'),
  'stores 32 MiB in pieces of 32 with digest and size known': (store) =>
    putsInPieces(store, bytesOf(3, 32 * MIB), 'both'),

  'stores content that is empty': async (store) => {
    const target = targetOf(new Uint8Array());
    assert.equal((await store.content.put(target, () => new Uint8Array())).size, 0);
    assert.deepEqual(await store.content.stat(target), { digest: target.digest, size: 0 });
    assert.equal((await collect(store.content.read(target))).byteLength, 0);
  },

  'addresses content by sha512 where asked to, and where the target says so': async (store) => {
    const target = targetOf(small, 'sha512');
    const stored = await store.content.put(undefined, () => small, { algorithm: 'sha512' });
    assert.equal(stored.digest, target.digest);
    const second = targetOf(other, 'sha512');
    await store.content.put(second, () => other);
    assert.deepEqual(await collect(store.content.read(second)), Buffer.from(other));
  },

  'takes bytes, iterables, promises of them and slices of files': async (store) => {
    const contents = [4, 5, 6, 7].map((seed) => bytesOf(seed, 1000)) as [Buffer, Buffer, Buffer, Buffer];
    const large = bytesOf(8, 3 * MIB + 17);
    const folder = await mkdtemp(join(tmpdir(), 'stowage-suite-'));
    try {
      await writeFile(join(folder, 'file'), Buffer.concat([small, large, small]));
      const file = await open(join(folder, 'file'));
      try {
        await store.content.put(targetOf(contents[0]), () => contents[0]);
        await store.content.put(targetOf(contents[1]), () => [
          contents[1].subarray(0, 9),
          contents[1].subarray(9),
        ]);
        await store.content.put(targetOf(contents[2]), () => inPieces(contents[2], 7));
        await store.content.put(targetOf(contents[3]), async () => contents[3]);
        const slice = { file, offset: small.byteLength, length: large.byteLength };
        await store.content.put(targetOf(large), () => slice);
      } finally {
        await file.close();
      }
    } finally {
      await rm(folder, { recursive: true });
    }
    for (const content of [...contents, large]) {
      assert.ok((await collect(store.content.read(targetOf(content)))).equals(content));
    }
  },

  'refuses a file that ends before its slice does': async (store) => {
    const folder = await mkdtemp(join(tmpdir(), 'stowage-suite-'));
    try {
      await writeFile(join(folder, 'file'), small);
      const file = await open(join(folder, 'file'));
      try {
        const slice = { file, offset: 10, length: small.byteLength };
        await rejectsWith(
          'MISMATCH',
          store.content.put(undefined, () => slice),
        );
      } finally {
        await file.close();
      }
    } finally {
      await rm(folder, { recursive: true });
    }
    await leavesNothing(store, small);
  },

  'does not open what it holds already, and merges the labels': async (store) => {
    await store.content.put(targetOf(small), () => small, { labels: { a: '1', b: '1' } });
    const again = await store.content.put(targetOf(small), mustNotOpen, { labels: { b: '2', c: '2' } });
    assert.deepEqual(again, { digest: targetOf(small).digest, size: 256, existed: true });
    const info = await store.content.info(again.digest);
    assert.deepEqual(info?.labels, { a: '1', b: '2', c: '2' });
    const byDigest = await store.content.put({ digest: again.digest }, mustNotOpen);
    assert.equal(byDigest.existed, true);
  },

  'says that content existed also where its digest was not known before': async (store) => {
    await store.content.put(targetOf(small), () => small, { labels: { a: '1' } });
    const again = await store.content.put(undefined, () => small, { labels: { b: '2' } });
    assert.deepEqual(again, { digest: targetOf(small).digest, size: 256, existed: true });
    assert.deepEqual((await store.content.info(again.digest))?.labels, { a: '1', b: '2' });
  },

  'stores nothing when the digest is wrong': async (store) => {
    const wrong = { ...targetOf(other), size: small.byteLength };
    const error = await rejectsWith(
      'MISMATCH',
      store.content.put(wrong, () => small),
    );
    assert.equal(error.detail.digest, wrong.digest);
    await leavesNothing(store, small);
  },

  'stores nothing when there are fewer bytes than announced': async (store) => {
    const wrong = { ...targetOf(small), size: 257 };
    await rejectsWith(
      'MISMATCH',
      store.content.put(wrong, () => small),
    );
    await leavesNothing(store, small);
  },

  'stops reading when there are more bytes than announced': async (store) => {
    let taken = 0;
    let closed = false;
    const endless = async function* (): Bytes {
      try {
        for (;;) {
          taken += small.byteLength;
          assert.ok(taken < 100 * small.byteLength, 'the source is read on and on');
          yield small;
        }
      } finally {
        closed = true;
      }
    };
    await rejectsWith('MISMATCH', store.content.put(targetOf(small), endless));
    assert.ok(closed, 'the source was not closed');
    await leavesNothing(store, small);
  },

  'refuses another size for content that it holds': async (store) => {
    await store.content.put(targetOf(small), () => small);
    const wrong = { ...targetOf(small), size: 255 };
    await rejectsWith(
      'MISMATCH',
      store.content.put(wrong, () => small),
    );
    assert.deepEqual(await store.content.stat(targetOf(small)), { digest: wrong.digest, size: 256 });
  },

  'passes an error of the source on unchanged': async (store) => {
    const reason = new Error('the source broke');
    const breaking = async function* (): Bytes {
      yield small.subarray(0, 100);
      throw reason;
    };
    assert.equal(await failureOf(store.content.put(targetOf(small), breaking)), reason);
    assert.equal(await failureOf(store.content.put(undefined, breaking)), reason);
    assert.equal(await failureOf(store.content.put(undefined, () => Promise.reject(reason))), reason);
    await leavesNothing(store, small);
  },

  'opens nothing when it is aborted already': async (store) => {
    const reason = new Error('stop');
    const signal = AbortSignal.abort(reason);
    const opened = () => assert.fail('open was called');
    assert.equal(await failureOf(store.content.put(targetOf(small), opened, { signal })), reason);
    assert.equal(await failureOf(store.content.claim([targetOf(small)], { signal })), reason);
    assert.equal(await failureOf(store.content.stat(targetOf(small), { signal })), reason);
  },

  'rejects with the reason when it is aborted while the source hangs, and leaves nothing': async (store) => {
    const controller = new AbortController();
    const reason = { why: 'not even an error' };
    const hanging = async function* (): Bytes {
      yield small.subarray(0, 100);
      setImmediate(() => controller.abort(reason));
      await new Promise(() => {});
    };
    const put = store.content.put(targetOf(small), hanging, { signal: controller.signal });
    assert.equal(await failureOf(put), reason);
    await leavesNothing(store, small);
  },

  'stores content once when several put it at a time': async (store) => {
    const content = bytesOf(9, 200_000);
    const puts = Array.from({ length: 8 }, (_, number) =>
      store.content.put(number % 2 === 0 ? targetOf(content) : undefined, () => inPieces(content, 1000), {
        labels: { [`put${number}`]: 'done' },
      }),
    );
    for (const { digest, size } of await Promise.all(puts)) {
      assert.deepEqual({ digest, size }, { digest: targetOf(content).digest, size: content.byteLength });
    }
    const infos = await listOf(store.content.list());
    assert.equal(infos.length, 1);
    assert.equal(Object.keys(infos[0]?.labels ?? {}).length, 8);
    assert.ok((await collect(store.content.read(targetOf(content)))).equals(content));
  },

  'claims what it holds and nothing else': async (store) => {
    await store.content.put(targetOf(small), () => small);
    const { digest } = targetOf(small);
    const claimed = await store.content.claim([targetOf(small), targetOf(other)]);
    assert.deepEqual([...claimed], [digest]);
    assert.deepEqual([...(await store.content.claim([{ digest }]))], [digest]);
    assert.equal((await store.content.claim([{ digest, size: 255 }])).size, 0);
    assert.equal((await store.content.claim([])).size, 0);
  },

  'claims thousands of blobs in one call': async (store) => {
    await store.content.put(targetOf(small), () => small);
    const many = Array.from({ length: 5000 }, (_, seed) => targetOf(bytesOf(seed + 100, 8)));
    const claimed = await store.content.claim([...many, targetOf(small)]);
    assert.deepEqual([...claimed], [targetOf(small).digest]);
  },

  'claims and puts under a lease, until the lease ends': async (store) => {
    const lease = await store.leases.create();
    const view = store.under(lease);
    await view.content.put(targetOf(small), () => small);
    assert.equal((await view.content.claim([targetOf(small)])).size, 1);
    assert.equal((await store.content.claim([targetOf(small)])).size, 1);
    await lease.release();
    await rejectsWith('NOT_FOUND', view.content.claim([targetOf(small)]));
    await rejectsWith(
      'NOT_FOUND',
      view.content.put(targetOf(other), () => other),
    );
    assert.equal(await store.content.stat(targetOf(other)), undefined);
    assert.equal((await store.content.claim([targetOf(small)])).size, 1);
  },
};
