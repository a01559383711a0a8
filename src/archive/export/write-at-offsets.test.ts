import { createHash } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../backends/dir/index.js';
import type { Store } from '../../images/store.js';
import { config, layer, manifest } from '../../testing/build-image.js';
import { bytesOf, failureOf, rejectsWith } from '../../testing/content.js';
import { exportArchive } from '../export.js';

/** Enough for threads to be worth it; one layer is longer than the share of a thread. */
const LAYERS = [
  layer('a', bytesOf(1, 26_000_000)),
  layer('b', bytesOf(2, 9_000_000)),
  layer('c', bytesOf(3, 8_000_000)),
  layer('d', 'short'),
];
const IMAGE = manifest(config(), ...LAYERS);
const NAME = 'example.com/large:latest';

let folder: string;
let store: Store;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-offsets-'));
  store = await openStore({ root: join(folder, 'root') });
  for (const [digest, bytes] of IMAGE.blobs) await store.content.put({ digest }, () => bytes);
  await store.images.apply([{ op: 'create', name: NAME, target: IMAGE.descriptor }]);
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

async function streamed(): Promise<string> {
  const stream = new PassThrough();
  const hash = createHash('sha256');
  stream.on('data', (chunk: Uint8Array) => hash.update(chunk));
  await exportArchive(store, [NAME], stream);
  return hash.digest('hex');
}

describe.each([0, 2, 4])('an archive that is written to a file with %i threads', (workers) => {
  it('has the bytes that a pipe gets, its size, and progress to the byte', async () => {
    const path = join(folder, `whole-${workers}.tar`);
    let bytes = 0;
    let total = 0;
    const blobs: string[] = [];
    const { size } = await exportArchive(store, [NAME], path, {
      workers,
      onProgress: (event) => {
        if (event.kind === 'bytes') bytes += event.count;
        else if (event.kind === 'blob') blobs.push(event.digest);
        else if (event.kind === 'total') total = event.totalBytes ?? 0;
      },
    });
    const written = await readFile(path);
    expect(written.byteLength).toBe(size);
    expect(createHash('sha256').update(written).digest('hex')).toBe(await streamed());
    expect(bytes).toBe(total);
    expect(blobs.sort()).toEqual([...IMAGE.blobs.keys()].sort());
  });

  it.each(LAYERS.map(({ descriptor }) => descriptor))(
    'does not replace its target when the blob of $size bytes turns out to be another',
    async ({ digest, size }) => {
      const target = join(folder, `target-${workers}`);
      await writeFile(target, 'what was there');
      const blob = join(folder, 'root/blobs/sha256', digest.slice('sha256:'.length));
      const sound = await readFile(blob);
      const damaged = Buffer.from(sound);
      damaged[size >> 1] = (damaged[size >> 1] ?? 0) ^ 1;
      await chmod(blob, 0o644);
      await writeFile(blob, damaged);
      try {
        const error = await rejectsWith('CORRUPT', exportArchive(store, [NAME], target, { workers }));
        expect(error).toMatchObject({ detail: { digest } });
      } finally {
        await writeFile(blob, sound);
      }
      expect(await readFile(target, 'utf8')).toBe('what was there');
      expect((await readdir(folder)).filter((name) => name.endsWith('.part'))).toEqual([]);
    },
  );

  it('is given up with the reason of an abort, and leaves nothing', async () => {
    const controller = new AbortController();
    const path = join(folder, `aborted-${workers}.tar`);
    const running = exportArchive(store, [NAME], path, {
      workers,
      signal: controller.signal,
      onProgress: ({ kind }) => {
        if (kind === 'bytes') controller.abort('enough');
      },
    });
    expect(await failureOf(running)).toBe('enough');
    expect((await readdir(folder)).filter((name) => name.includes('aborted'))).toEqual([]);
  });
});
