import assert from 'node:assert/strict';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeIngest } from '../content/write-ingest.js';
import type { Store } from '../images/store.js';
import type { FileSlice } from '../io/byte-source.js';
import { bytesOf, collect, failureOf, inPieces, rejectsWith, targetOf } from './content.js';
import type { SuiteTests } from './frame.js';

const content = bytesOf(1, 3_000_000);
const { digest, size } = targetOf(content);
const HALF = 1_234_567;

async function begun(store: Store, ref: string, bytes: Uint8Array): Promise<void> {
  const ingest = await store.content.openIngest(ref);
  await ingest.write(bytes);
  await ingest.close();
}

/** A content store that counts what is written into its ingests. */
function counting({ content }: Store) {
  const count = { written: 0 };
  const target: Parameters<typeof writeIngest>[0] = {
    put: content.put.bind(content),
    ingests: content.ingests.bind(content),
    ingest: content.ingest.bind(content),
    abortIngest: content.abortIngest.bind(content),
    async openIngest(ref, options) {
      const ingest = await content.openIngest(ref, options);
      const write = ingest.write.bind(ingest);
      ingest.write = (bytes) => {
        count.written += bytes.byteLength;
        return write(bytes);
      };
      return ingest;
    },
  };
  return { target, count };
}

async function withSlice(work: (slice: FileSlice) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-suite-'));
  try {
    await writeFile(join(folder, 'file'), Buffer.concat([bytesOf(9, 100), content, bytesOf(9, 100)]));
    const file = await open(join(folder, 'file'));
    try {
      await work({ file, offset: 100, length: size });
    } finally {
      await file.close();
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function isThere(store: Store): Promise<void> {
  assert.ok((await collect(store.content.read({ digest, size }))).equals(content));
  assert.equal(await store.content.ingest('ref'), undefined);
}

/** Writing into an ingest with one call: what follows from the contract (spec 4.5; 4.8, rows 6 to 9). */
export const writingTests: SuiteTests = {
  'writes the remainder by hand': async (store) => {
    await begun(store, 'ref', content.subarray(0, HALF));
    const ingest = await store.content.openIngest('ref');
    await ingest.write(content.subarray(ingest.status.offset));
    assert.deepEqual(await ingest.commit(), { digest, size, existed: false });
    await isThere(store);
  },

  'skips what is there of a plain source': async (store) => {
    for (const options of [{}, { expect: digest }, { expect: digest, total: size }]) {
      await begun(store, 'ref', content.subarray(0, HALF));
      const { target, count } = counting(store);
      let taken = 0;
      const stored = await writeIngest(target, 'ref', () => inPieces(content, 100_000), {
        ...options,
        onBytes: (bytes) => (taken += bytes),
      });
      assert.deepEqual(stored, { digest, size, existed: false });
      assert.equal(count.written, size - HALF);
      assert.equal(taken, size);
      await isThere(store);
      await store.content.delete(digest);
    }
  },

  'reads a file on from what is there': (store) =>
    withSlice(async (slice) => {
      for (const options of [{}, { expect: digest }]) {
        await begun(store, 'ref', content.subarray(0, HALF));
        const { target, count } = counting(store);
        assert.equal((await writeIngest(target, 'ref', () => slice, options)).digest, digest);
        assert.equal(count.written, size - HALF);
        await isThere(store);
        await store.content.delete(digest);
      }
    }),

  'starts over where other content is there': (store) =>
    withSlice(async (slice) => {
      const sources = [() => inPieces(content, 100_000), () => content, () => slice];
      const wrong = [bytesOf(8, HALF), Buffer.concat([content, content])];
      for (const source of sources) {
        for (const before of wrong) {
          for (const options of [{}, { expect: digest }]) {
            await begun(store, 'ref', before);
            assert.equal((await writeIngest(store.content, 'ref', source, options)).digest, digest);
            await isThere(store);
            await store.content.delete(digest);
          }
        }
      }
    }),

  'asks for no bytes of what is held': async (store) => {
    await store.content.put({ digest }, () => content, { labels: { a: '1' } });
    const mustNotOpen = (): never => assert.fail('open was called though the content is held');
    const options = { expect: digest, labels: { b: '2' } };
    assert.deepEqual(await writeIngest(store.content, 'ref', mustNotOpen, options), {
      digest,
      size,
      existed: true,
    });
    assert.deepEqual((await store.content.info(digest))?.labels, { a: '1', b: '2' });
    const elsewhere = store.namespace('elsewhere').content;
    assert.equal((await writeIngest(elsewhere, 'ref', mustNotOpen, options)).digest, digest);
    assert.ok((await collect(elsewhere.read({ digest }))).equals(content));
  },

  'waits for whoever has the reference open': async (store) => {
    const ingest = await store.content.openIngest('ref');
    const writing = writeIngest(store.content, 'ref', () => content);
    await ingest.write(content.subarray(0, HALF));
    await ingest.close();
    assert.equal((await writing).digest, digest);
    const held = await store.content.openIngest('ref');
    await rejectsWith(
      'BUSY',
      writeIngest(store.content, 'ref', () => content, { patience: 0 }),
    );
    await held.close();
  },

  'keeps what was written when the source fails or is too short': async (store) => {
    const reason = new Error('the source broke');
    const broken = async function* () {
      yield content.subarray(0, HALF);
      throw reason;
    };
    assert.equal(await failureOf(writeIngest(store.content, 'ref', broken)), reason);
    assert.equal((await store.content.ingest('ref'))?.offset, HALF);
    await rejectsWith(
      'MISMATCH',
      writeIngest(store.content, 'ref', () => content.subarray(0, size - 1), { total: size }),
    );
    assert.equal((await store.content.ingest('ref'))?.offset, size - 1);
    assert.equal((await writeIngest(store.content, 'ref', () => content, { total: size })).digest, digest);
    await isThere(store);
  },
};
