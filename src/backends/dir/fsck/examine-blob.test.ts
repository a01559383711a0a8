import assert from 'node:assert/strict';
import { mkdtemp, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, it, vi } from 'vitest';
import { brokenStore } from '../../../../test/support/broken-store.js';
import { BYTES_WORTH_A_LANE } from '../../../io/copy-lanes.js';
import { bytesOf, failureOf, targetOf } from '../../../testing/content.js';
import { nodeFiles } from '../node-files.js';
import { openStore } from '../open-store.js';
import { checkStore } from './check-store.js';

/** So large that threads are worth it, but for the last two. */
const contents = Array.from({ length: 7 }, (_, n) => bytesOf(n, n < 5 ? BYTES_WORTH_A_LANE + n : 5000 + n));
const [sound, changed, cut, unreadable, alsoSound, small, smallChanged] = contents.map((content) =>
  targetOf(content),
);

let folder: string;
const { overwrite, pathOf } = brokenStore(() => join(folder, 'root'));

beforeAll(async () => {
  assert.ok(changed && cut && smallChanged);
  folder = await mkdtemp(join(tmpdir(), 'stowage-hash-'));
  const store = await openStore({ root: join(folder, 'root') });
  for (const content of contents) await store.content.put(targetOf(content), () => content);
  await store.close();
  for (const { digest } of [changed, smallChanged]) await overwrite(digest, (bytes) => (bytes[4000]! ^= 1));
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => vi.restoreAllMocks());

/** Has the system fail with a real error when it reads the one blob, and find another one shorter than it said. */
function spoil(): void {
  assert.ok(unreadable && cut && small);
  const swapped = new Map([
    // Nothing is at the beginning of the memory of a process.
    [pathOf(unreadable.digest), '/proc/self/mem'],
    [pathOf(cut.digest), pathOf(small.digest)],
  ]);
  const plain = nodeFiles.open.bind(nodeFiles);
  vi.spyOn(nodeFiles, 'open').mockImplementation((path, ...rest) =>
    plain(swapped.get(path) ?? path, ...rest),
  );
}

describe.each([[0], [1], [3]])('hashing blobs with %d threads', (workers) => {
  it('finds all that is wrong with their content, and tells of every byte', async () => {
    assert.ok(changed && cut && unreadable && smallChanged && sound && alsoSound && small);
    let told = 0;
    const root = join(folder, 'root');
    const options = { root, workers, hash: true } as const;
    const whole = await checkStore({
      ...options,
      onProgress: (event) => {
        if (event.kind === 'bytes') told += event.count;
      },
    });
    assert.equal(
      told,
      contents.reduce((sum, { byteLength }) => sum + byteLength, 0),
    );
    assert.deepEqual(
      new Set(whole.findings.map(({ code, digest }) => `${code} ${digest}`)),
      new Set([`blob-digest ${changed.digest}`, `blob-digest ${smallChanged.digest}`]),
    );
    spoil();
    const spoiled = await checkStore(options);
    assert.deepEqual(
      new Map(spoiled.findings.map(({ digest, code, message }) => [digest, `${code}: ${message}`])),
      new Map([
        ...whole.findings.map(({ digest, code, message }) => [digest, `${code}: ${message}`] as const),
        [
          unreadable.digest,
          'blob-unreadable: it cannot be read: the disk reports an input/output error',
        ] as const,
        [cut.digest, 'blob-digest: it was cut short meanwhile'] as const,
      ]),
    );
  });

  it('stops in the middle, with nothing of it still open', async () => {
    const opened: FileHandle[] = [];
    const plain = nodeFiles.open.bind(nodeFiles);
    vi.spyOn(nodeFiles, 'open').mockImplementation(async (path, ...rest) => {
      const file = await plain(path, ...rest);
      opened.push(file as FileHandle);
      return file;
    });
    const controller = new AbortController();
    const failure = await failureOf(
      checkStore({
        root: join(folder, 'root'),
        workers,
        signal: controller.signal,
        onProgress: ({ kind }) => {
          if (kind === 'bytes') controller.abort('enough');
        },
      }),
    );
    assert.equal(failure, 'enough');
    assert.ok(opened.length > 0);
    // A closed handle has no descriptor.
    assert.deepEqual(new Set(opened.map(({ fd }) => fd)), new Set([-1]));
  });
});
