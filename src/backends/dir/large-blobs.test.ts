import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import type { Store } from '../../images/store.js';
import { digestOf } from '../../io/hash.js';
import { bytesOf, failureOf, rejectsWith } from '../../testing/content.js';
import { openStore } from './open-store.js';

const SIZE = 9 << 20;
const COUNT = 6;

let folder: string;
let source: FileHandle;
let content: Uint8Array;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-lanes-'));
  content = bytesOf(1, SIZE + COUNT);
  await writeFile(join(folder, 'source'), content);
  source = await open(join(folder, 'source'), 'r');
});
afterEach(async () => {
  await source.close();
  await rm(folder, { recursive: true });
});

/** Slices that overlap, each another content. */
function slices() {
  return Array.from({ length: COUNT }, (_, at) => {
    const bytes = content.subarray(at, at + SIZE);
    return { digest: digestOf(bytes), size: SIZE, slice: { file: source, offset: at, length: SIZE }, bytes };
  });
}

const missing = new URL('./there-is-no-such-program.js', import.meta.url);

describe.each([
  ['with three threads', { workers: 3 }],
  ['without threads', { workers: 0 }],
  ['with threads whose program is not there', { workers: 2, workerUrl: missing }],
])('large blobs from a file %s', (_, options) => {
  let store: Store;
  beforeEach(async () => {
    store = await openStore({ root: join(folder, 'root'), ...options });
  });
  afterEach(() => store.close());

  it('are all stored, more at once than there are lanes, and told of byte by byte', async () => {
    let told = 0;
    const onBytes = (count: number) => (told += count);
    const wanted = slices();
    const stored = await Promise.all(
      wanted.map(({ digest, size, slice }) => store.content.put({ digest, size }, () => slice, { onBytes })),
    );
    assert.deepEqual(
      stored,
      wanted.map(({ digest, size }) => ({ digest, size, existed: false })),
    );
    assert.equal(told, SIZE * COUNT);
    for (const { digest, bytes } of wanted) {
      const path = join(folder, 'root', 'blobs', 'sha256', digest.slice('sha256:'.length));
      assert.ok((await readFile(path)).equals(bytes));
    }
  });

  it('are stored from a stream, and refused if it is another one or breaks off', async () => {
    const [first, second, third] = slices();
    assert.ok(first && second && third);
    async function* stream(bytes: Uint8Array, piece = 100_003) {
      for (let start = 0; start < bytes.byteLength; start += piece) yield bytes.slice(start, start + piece);
    }
    async function* broken() {
      yield* stream(third?.bytes.subarray(0, SIZE / 2) ?? new Uint8Array());
      throw new Error('broke off');
    }
    // One after the other and at once, so that the thread that hashes is free for some and taken for others.
    await store.content.put(first, () => stream(first.bytes));
    const puts = [
      store.content.put(second, () => stream(second.bytes)),
      store.content.put(third, () => stream(second.bytes, 3 << 20)),
      store.content.put(third, broken),
    ];
    assert.deepEqual(
      (await Promise.allSettled(puts)).map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected'],
    );
    await store.content.put(third, () => stream(third.bytes));
    for (const { digest, bytes } of [first, second, third]) {
      const path = join(folder, 'root', 'blobs', 'sha256', digest.slice('sha256:'.length));
      assert.ok((await readFile(path)).equals(bytes));
    }
  });

  it('are refused if they are not what they should be, and what is right beside them is stored', async () => {
    const [first, second, third] = slices();
    assert.ok(first && second && third);
    const puts = [
      store.content.put(first, () => first.slice),
      store.content.put(second, () => third.slice),
      store.content.put(third, () => third.slice),
    ];
    const outcomes = await Promise.allSettled(puts);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.ok(puts[1]);
    await rejectsWith('MISMATCH', puts[1]);
    assert.equal(await store.content.info(second.digest), undefined);
  });

  it('are refused if the file ends before they do', async () => {
    const wanted = slices();
    await truncate(join(folder, 'source'), SIZE - 1);
    for (const failure of await Promise.all(
      wanted.map(({ digest, size, slice }) => failureOf(store.content.put({ digest, size }, () => slice))),
    )) {
      assert.equal((failure as { code?: string }).code, 'MISMATCH');
    }
  });

  it('stop with the reason of an abort, also those that wait', async () => {
    const controller = new AbortController();
    const failures = await Promise.all(
      slices().map(({ digest, size, slice }) =>
        failureOf(
          store.content.put({ digest, size }, () => slice, {
            signal: controller.signal,
            onBytes: () => controller.abort('enough'),
          }),
        ),
      ),
    );
    assert.ok(failures.includes('enough'));
    assert.deepEqual(
      failures.filter((failure) => failure !== 'enough'),
      [],
    );
  });
});
