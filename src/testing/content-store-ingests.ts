import assert from 'node:assert/strict';
import type { Ingest, IngestStatus } from '../content/ingests.js';
import type { Store } from '../images/store.js';
import { digestOf } from '../io/hash.js';
import { bytesOf, collect, laterThan, listOf, rejectsWith, targetOf } from './content.js';
import type { SuiteTests } from './frame.js';
import { isFree, using } from './using-ingest.js';

const MIB = 1 << 20;
const small = bytesOf(1, 256);
const other = bytesOf(2, 256);
const nothing = new Uint8Array();

async function writeAll(ingest: Ingest, content: Uint8Array, piece: number): Promise<void> {
  for (let start = 0; start < content.byteLength; start += piece) {
    await ingest.write(content.subarray(start, start + piece));
  }
}

/** Writes content in pieces, commits it, and checks everything that is said about it afterwards. */
async function writes(
  store: Store,
  content: Uint8Array,
  piece: number,
  known: 'size' | 'digest' | 'both' | '',
) {
  const { digest, size } = targetOf(content);
  const options = {
    ...(known === 'size' || known === 'both' ? { total: size } : {}),
    ...(known === 'digest' || known === 'both' ? { expect: digest } : {}),
  };
  const before = Date.now();
  await using(
    store,
    'c1',
    async (ingest) => {
      await writeAll(ingest, content, piece);
      const labels = { k1: 'v1', k2: 'v2' };
      assert.deepEqual(await ingest.commit({ labels }), { digest, size, existed: false });
    },
    options,
  );
  const after = Date.now();
  const info = await store.content.info(digest);
  assert.equal(info?.size, size);
  assert.deepEqual(info.labels, { k1: 'v1', k2: 'v2' });
  for (const time of [info.createdAt, info.updatedAt]) {
    assert.ok(before <= time.getTime() && time.getTime() <= after, `${time.toISOString()} is not in between`);
  }
  assert.ok((await collect(store.content.read({ digest }))).equals(content));
  assert.deepEqual(await listOf(store.content.ingests()), []);
}

/** What is the same when an ingest is opened again. */
function lasting({ ref, offset, total, expected, startedAt, updatedAt }: IngestStatus) {
  return { ref, offset, total, expected, startedAt, updatedAt };
}

/** What is written, and what comes of it when it is gone on with or committed (spec 4.8, rows 1 to 6, 11 and 12). */
export const ingestTests: SuiteTests = {
  'ingests 256 bytes in pieces of 32 with nothing known': (store) => writes(store, small, 32, ''),
  'ingests 256 bytes in pieces of 32 with the size known': (store) => writes(store, small, 32, 'size'),
  'ingests 256 bytes in pieces of 32 with the digest known': (store) => writes(store, small, 32, 'digest'),
  'ingests 256 bytes in pieces of 32 with both known': (store) => writes(store, small, 32, 'both'),
  'ingests 32 MiB in pieces with nothing known': (store) => writes(store, bytesOf(3, 32 * MIB), 60_000, ''),
  'ingests 32 MiB in pieces with both known': (store) => writes(store, bytesOf(3, 32 * MIB), 60_000, 'both'),
  'ingests content that is empty': (store) => writes(store, nothing, 1, 'both'),

  'says how far an ingest is, with a digest of what there is': (store) =>
    using(
      store,
      'status',
      async (ingest) => {
        const first = ingest.status;
        assert.equal(first.offset, 0);
        assert.equal(first.digest, digestOf(nothing));
        assert.equal(first.total, 1000);
        assert.equal(first.ref, 'status');
        const content = bytesOf(4, 1000);
        let last = first;
        for (let end = 100; end <= 1000; end += 300) {
          await laterThan(last.updatedAt);
          await ingest.write(content.subarray(last.offset, end));
          const { status } = ingest;
          assert.equal(status.offset, end);
          assert.equal(status.digest, digestOf(content.subarray(0, end)));
          assert.deepEqual(status.startedAt, first.startedAt);
          assert.ok(status.updatedAt > last.updatedAt);
          const listed = await listOf(store.content.ingests());
          assert.deepEqual(
            listed.map(({ ref, offset, total, startedAt }) => ({ ref, offset, total, startedAt })),
            [{ ref: 'status', offset: end, total: 1000, startedAt: first.startedAt }],
          );
          last = status;
        }
      },
      { total: 1000 },
    ),

  'says that committed content existed, and frees the reference': async (store) => {
    const { digest, size } = await store.content.put(undefined, () => small, { labels: { a: '1', b: '1' } });
    for (const options of [{}, { expect: digest }, { size, expect: digest }]) {
      await using(store, 'again', async (ingest) => {
        await ingest.write(small);
        const stored = await ingest.commit({ ...options, labels: { b: '2' } });
        assert.deepEqual(stored, { digest, size, existed: true });
      });
      await isFree(store, 'again');
    }
    assert.deepEqual((await store.content.info(digest))?.labels, { a: '1', b: '2' });
  },

  'refuses to open an ingest of content that is held': async (store) => {
    const { digest } = await store.content.put(undefined, () => small);
    const error = await rejectsWith('ALREADY_EXISTS', store.content.openIngest('known', { expect: digest }));
    assert.equal(error.detail.digest, digest);
    assert.equal(await store.content.ingest('known'), undefined);
    await isFree(store, 'known');
  },

  'goes on where it was closed, with the same status': async (store) => {
    const content = bytesOf(5, 100_000);
    const { digest, size } = targetOf(content);
    const options = { total: size, expect: digest };
    const before = await using(
      store,
      'resume',
      async (ingest) => {
        await writeAll(ingest, content.subarray(0, 40_000), 7000);
        return ingest.status;
      },
      options,
    );
    assert.deepEqual(await store.content.ingest('resume'), lasting(before));
    await laterThan(before.updatedAt);
    await using(
      store,
      'resume',
      async (ingest) => {
        assert.deepEqual(ingest.status, before);
        await writeAll(ingest, content.subarray(40_000), 7000);
        assert.deepEqual(await ingest.commit(), { digest, size, existed: false });
      },
      options,
    );
    assert.ok((await collect(store.content.read({ digest }))).equals(content));
  },

  'remembers size and digest that were said when it was opened first': async (store) => {
    const { digest, size } = targetOf(small);
    await using(store, 'said', (ingest) => ingest.write(small.subarray(0, 100)), {
      total: size,
      expect: digest,
    });
    await rejectsWith('INVALID', store.content.openIngest('said', { total: size + 1 }));
    await using(store, 'said', async (ingest) => {
      assert.equal(ingest.status.total, size);
      assert.equal(ingest.status.expected, digest);
      await rejectsWith('MISMATCH', ingest.commit());
    });
  },

  ...Object.fromEntries(
    [500, 5000, 50_000].flatMap((size) =>
      [0, 10, 50, 90, 100].map((percent) => [
        `starts over when ${percent} % of ${size} bytes are truncated`,
        async (store: Store) => {
          const content = bytesOf(6, size);
          const { digest } = targetOf(content);
          await using(
            store,
            'truncated',
            (ingest) => ingest.write(bytesOf(7, size).subarray(0, (size * percent) / 100)),
            { total: size, expect: digest },
          );
          await using(
            store,
            'truncated',
            async (ingest) => {
              await ingest.truncate();
              assert.equal(ingest.status.offset, 0);
              assert.equal(ingest.status.digest, digestOf(nothing));
              await writeAll(ingest, content, 999);
              assert.deepEqual(await ingest.commit(), { digest, size, existed: false });
            },
            { total: size, expect: digest },
          );
          assert.ok((await collect(store.content.read({ digest }))).equals(content));
        },
      ]),
    ),
  ),

  'keeps a shorter rewrite free of what was there before': async (store) => {
    await using(store, 'shorter', (ingest) => ingest.write(bytesOf(8, 5000)));
    await using(store, 'shorter', async (ingest) => {
      await ingest.truncate();
      await ingest.write(small);
      assert.deepEqual(await ingest.commit(), { ...digestAndSize(small), existed: false });
    });
  },

  'keeps the bytes when digest or size are wrong, for a commit that is right': async (store) => {
    const { digest, size } = targetOf(small);
    await using(store, 'state', async (ingest) => {
      await ingest.write(small);
      const error = await rejectsWith('MISMATCH', ingest.commit({ expect: targetOf(other).digest }));
      assert.equal(error.detail.actualDigest, digest);
      await rejectsWith('INVALID', ingest.write(small));
      await rejectsWith('INVALID', ingest.commit());
    });
    assert.equal((await store.content.ingest('state'))?.offset, 256);
    await using(store, 'state', async (ingest) => {
      const error = await rejectsWith('MISMATCH', ingest.commit({ size: size + 1 }));
      assert.deepEqual([error.detail.expectedSize, error.detail.actualSize], [257, 256]);
    });
    assert.equal(await store.content.stat({ digest }), undefined);
    await using(store, 'state', async (ingest) => {
      assert.equal(ingest.status.offset, 256);
      assert.deepEqual(await ingest.commit({ size, expect: digest }), { digest, size, existed: false });
    });
    await isFree(store, 'state');
  },

  'keeps the bytes when a label is too long': async (store) => {
    await using(store, 'labels', async (ingest) => {
      await ingest.write(small);
      await rejectsWith('INVALID', ingest.commit({ labels: { key: 'v'.repeat(4096) } }));
    });
    assert.equal((await store.content.ingest('labels'))?.offset, 256);
  },

  'commits by another algorithm than it was opened for': async (store) => {
    const { digest, size } = targetOf(small, 'sha512');
    await using(store, 'other', async (ingest) => {
      await ingest.write(small);
      assert.equal(ingest.status.digest, targetOf(small).digest);
      assert.deepEqual(await ingest.commit({ expect: digest }), { digest, size, existed: false });
    });
    assert.ok((await collect(store.content.read({ digest }))).equals(small));
    const second = targetOf(other, 'sha512');
    await using(
      store,
      'other',
      async (ingest) => {
        await ingest.write(other);
        assert.equal(ingest.status.digest, second.digest);
        const { digest } = targetOf(other);
        assert.equal((await ingest.commit({ expect: digest })).digest, digest);
      },
      { expect: second.digest },
    );
  },

  'does not keep the bytes it was given: they may change afterwards': (store) =>
    using(store, 'reused', async (ingest) => {
      const buffer = Buffer.from(small);
      await ingest.write(buffer);
      buffer.fill(0);
      assert.equal((await ingest.commit()).digest, targetOf(small).digest);
    }),
};

function digestAndSize(content: Uint8Array) {
  const { digest, size } = targetOf(content);
  return { digest, size };
}
