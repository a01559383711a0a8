import { mkdtemp, open, readFile, rm, truncate, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesOf, failureOf, rejectsWith } from '../testing/content.js';
import { CopyWorkers } from './copy-workers.js';
import { digestOf } from './hash.js';

const CONTENT = bytesOf(1, 3_000_001);

let folder: string;
let from: FileHandle;
let to: FileHandle;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-copy-'));
  await writeFile(join(folder, 'from'), CONTENT);
  from = await open(join(folder, 'from'), 'r');
  await writeFile(join(folder, 'hole'), '');
  to = await open(join(folder, 'to'), 'w');
});
afterAll(async () => {
  await from.close();
  await to.close();
  await rm(folder, { recursive: true, force: true });
});

const missing = new URL('./there-is-no-such-program.js', import.meta.url);

describe.each([
  ['with two threads', { workers: 2 }],
  ['without threads', { workers: 0 }],
  ['with threads whose program is not there', { workers: 2, workerUrl: missing }],
])('copying slices %s', (_, options) => {
  it('puts every slice where it belongs and says its digest', async () => {
    await truncate(join(folder, 'to'), 0);
    const slices = Array.from({ length: 7 }, (_, number) => ({
      offset: number * 400_000,
      length: 400_000 + number,
    }));
    slices.push({ offset: 5, length: 0 });
    const counts: number[] = [];
    await using workers = new CopyWorkers(options);
    const digests = await Promise.all(
      slices.map((slice, number) =>
        workers.copy(
          { from: { file: from, ...slice }, to: { file: to, at: number * 500_000 }, algorithm: 'sha512' },
          { onBytes: (count) => counts.push(count) },
        ),
      ),
    );
    const copied = await readFile(join(folder, 'to'));
    for (const [number, { offset, length }] of slices.entries()) {
      const expected = CONTENT.subarray(offset, offset + length);
      expect(digests[number]).toBe(digestOf(expected, 'sha512'));
      expect(copied.subarray(number * 500_000, number * 500_000 + length).equals(expected)).toBe(true);
    }
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(7 * 400_000 + 21);
  });

  it('tells of a file that ends too early, and of one that cannot be written', async () => {
    await using workers = new CopyWorkers(options);
    const tooLong = { file: from, offset: 2_000_000, length: 1_000_002 };
    expect(
      await rejectsWith(
        'MISMATCH',
        workers.copy({ from: tooLong, to: { file: to, at: 0 }, algorithm: 'sha256' }),
      ),
    ).toMatchObject({ detail: { end: CONTENT.byteLength } });
    const job = {
      from: { file: from, offset: 0, length: 10 },
      to: { file: from, at: 0 },
      algorithm: 'sha256',
    } as const;
    expect(await failureOf(workers.copy(job))).toMatchObject({ code: 'EBADF', syscall: 'write' });
    // They go on with the next job.
    expect(await workers.copy({ ...job, to: { file: to, at: 0 } })).toBe(digestOf(CONTENT.subarray(0, 10)));
  });

  it('stops in the middle with the reason of an abort, also those that wait for their turn', async () => {
    await using workers = new CopyWorkers(options);
    // A hole, which takes no place, but minutes to be hashed.
    await truncate(join(folder, 'hole'), 2 ** 38);
    const hole = await open(join(folder, 'hole'), 'r');
    const nothing = await open('/dev/null', 'w');
    try {
      const controller = new AbortController();
      const job = {
        from: { file: hole, offset: 0, length: 2 ** 38 },
        to: { file: nothing, at: 0 },
        algorithm: 'sha256',
      } as const;
      const copies = Array.from({ length: 5 }, () =>
        workers.copy(job, { signal: controller.signal, onBytes: () => controller.abort('enough') }),
      );
      expect(await Promise.all(copies.map(failureOf))).toEqual(Array.from({ length: 5 }, () => 'enough'));
    } finally {
      await hole.close();
      await nothing.close();
    }
  });

  it('only hashes what is to be nowhere else, and what is there already', async () => {
    await using workers = new CopyWorkers(options);
    const slice = { file: from, offset: 7, length: 2_000_000 };
    const digest = digestOf(CONTENT.subarray(7, 2_000_007));
    const counts: number[] = [];
    const onBytes = (count: number) => counts.push(count);
    expect(await workers.copy({ from: slice, algorithm: 'sha256' }, { onBytes })).toBe(digest);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(2_000_000);

    for (const kept of [1, 1_000_000, 2_000_000]) {
      const path = join(folder, 'kept');
      await writeFile(path, Buffer.concat([Buffer.alloc(3), CONTENT.subarray(7, 7 + kept)]));
      const file = await open(path, 'r+');
      const job = { from: slice, to: { file, at: 3, kept }, algorithm: 'sha256' } as const;
      expect(await workers.copy(job)).toBe(digest);
      expect((await readFile(path)).subarray(3).equals(CONTENT.subarray(7, 2_000_007))).toBe(true);
      // What is there counts, whatever the source has in its place.
      await file.write(Buffer.of(1), 0, 1, 3);
      expect(await workers.copy(job)).not.toBe(digest);
      await truncate(path, kept + 2);
      await rejectsWith('MISMATCH', workers.copy(job));
      await file.close();
    }
  });

  it('lets the caller say in which words a file that cannot be read or written is told', async () => {
    await using workers = new CopyWorkers(options);
    const explain = (error: unknown, side: string) => `${side}: ${(error as { code?: string }).code}`;
    const slice = { file: from, offset: 0, length: 10 };
    const job = { from: slice, algorithm: 'sha256' } as const;
    expect(await failureOf(workers.copy({ ...job, to: { file: from, at: 0 } }, { explain }))).toBe(
      'to: EBADF',
    );
    const fromWritten = { ...job, from: { ...slice, file: to } };
    expect(await failureOf(workers.copy(fromWritten, { explain }))).toBe('from: EBADF');
  });
});
