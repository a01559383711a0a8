import assert from 'node:assert/strict';
import { bytesOf, collect, failureOf, rejectsWith, targetOf } from './content.js';
import type { SuiteTests } from './frame.js';

const small = bytesOf(1, 256);
const large = bytesOf(2, (5 << 20) + 3);

export const readTests: SuiteTests = {
  'reads back what was put': async (store) => {
    await store.content.put(targetOf(large), () => large);
    const target = targetOf(large);
    assert.deepEqual(await store.content.stat(target), { digest: target.digest, size: large.byteLength });
    assert.ok((await collect(store.content.read(target))).equals(large));
    assert.ok((await collect(store.content.read({ digest: target.digest }))).equals(large));
  },

  'reads any part of a blob, cut at its end': async (store) => {
    await store.content.put(targetOf(small), () => small);
    const ranges = [
      { length: 300 },
      { offset: 0, length: 256 },
      { offset: 0, length: 1 },
      { offset: 10 },
      { offset: 10, length: 20 },
      { offset: 250, length: 1000 },
      { offset: 256, length: 1 },
      { offset: 1000 },
      { offset: 3, length: 0 },
      {},
    ];
    for (const range of ranges) {
      const { offset = 0, length = 1000 } = range;
      const part = await collect(store.content.read(targetOf(small), { range }));
      assert.deepEqual(part, Buffer.from(small.subarray(offset, offset + length)), JSON.stringify(range));
    }
  },

  'reads a part that spans several chunks': async (store) => {
    await store.content.put(targetOf(large), () => large);
    const range = { offset: 999_999, length: 3_000_000 };
    const part = await collect(store.content.read(targetOf(large), { range }));
    assert.ok(part.equals(large.subarray(999_999, 3_999_999)));
  },

  'refuses a range that is not made of whole numbers from 0': async (store) => {
    await store.content.put(targetOf(small), () => small);
    for (const range of [{ offset: -1 }, { length: -1 }, { offset: 0.5 }, { length: NaN }]) {
      await rejectsWith('INVALID', collect(store.content.read(targetOf(small), { range })));
    }
  },

  'says that a blob is not there when it is read, not before': async (store) => {
    const bytes = store.content.read(targetOf(small));
    const error = await rejectsWith('NOT_FOUND', collect(bytes));
    assert.equal(error.detail.digest, targetOf(small).digest);
    assert.equal(await store.content.stat(targetOf(small)), undefined);
  },

  'does not hand out the end of a blob whose size is not the one asked for': async (store) => {
    await store.content.put(targetOf(large), () => large);
    for (const size of [large.byteLength - 1, large.byteLength + 1]) {
      let count = 0;
      const read = async () => {
        for await (const chunk of store.content.read({ ...targetOf(large), size })) count += chunk.byteLength;
      };
      const error = await failureOf(read());
      assert.match(String((error as { code?: string }).code), /^(CORRUPT|MISMATCH)$/);
      assert.ok(count < large.byteLength);
    }
  },

  'gives chunks that the reader may overwrite': async (store) => {
    await store.content.put(targetOf(large), () => large);
    for await (const chunk of store.content.read(targetOf(large))) chunk.fill(0);
    assert.ok((await collect(store.content.read(targetOf(large)))).equals(large));
  },

  'can be read by several at once, and left early': async (store) => {
    await store.content.put(targetOf(large), () => large);
    for await (const _ of store.content.read(targetOf(large))) break;
    const reads = Array.from({ length: 4 }, () => collect(store.content.read(targetOf(large))));
    for (const bytes of await Promise.all(reads)) assert.ok(bytes.equals(large));
  },

  'stops a read with the reason when it is aborted': async (store) => {
    await store.content.put(targetOf(large), () => large);
    const controller = new AbortController();
    const reason = new Error('enough');
    const read = async () => {
      for await (const _ of store.content.read(targetOf(large), { signal: controller.signal })) {
        controller.abort(reason);
      }
    };
    assert.equal(await failureOf(read()), reason);
  },
};
