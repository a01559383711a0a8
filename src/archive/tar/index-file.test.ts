import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isStowageError } from '../../errors.js';
import { END_OF_ARCHIVE, encodeHeader, indexTar, paddingFor, readTar } from './index.js';
import type { ArchiveEnd, TarEntry, TarReadOptions } from './index.js';

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'stowage-tar-'));
});
afterAll(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function withFile<T>(bytes: Uint8Array, use: (file: FileHandle) => Promise<T>): Promise<T> {
  const target = path.join(directory, 'archive.tar');
  await writeFile(target, bytes);
  const file = await open(target, 'r+');
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

async function list(file: FileHandle, options?: TarReadOptions): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for await (const entry of indexTar(file, options)) entries.push(entry);
  return entries;
}

async function failure(bytes: Uint8Array, options?: TarReadOptions): Promise<unknown> {
  return withFile(bytes, (file) => list(file, options)).then(
    () => undefined,
    (error: unknown) => error,
  );
}

function member(name: string, content: Uint8Array): Uint8Array {
  const padding = new Uint8Array(paddingFor(content.length));
  return Buffer.concat([encodeHeader({ name, mode: 0o644, size: content.length }), content, padding]);
}

const archive = Buffer.concat([
  member('a', Buffer.from('one')),
  member('b'.repeat(200), Buffer.alloc(100_000, 'b')),
  member('ä', new Uint8Array(0)),
  member('d', Buffer.alloc(32_768, 'd')),
  END_OF_ARCHIVE,
]);

describe('indexTar', () => {
  it('yields what the stream reader yields', async () => {
    const streamed: unknown[] = [];
    for await (const { body: _, ...entry } of readTar(archive)) streamed.push(entry);
    expect(await withFile(archive, (file) => list(file))).toEqual(streamed);
  });

  it('says where the content of each entry is', async () => {
    await withFile(archive, async (file) => {
      for (const { name, dataOffset, size } of await list(file)) {
        const { buffer } = await file.read(Buffer.alloc(size), 0, size, dataOffset);
        expect(buffer.toString()).toBe(
          { a: 'one', d: 'd'.repeat(32_768), ä: '' }[name] ?? 'b'.repeat(100_000),
        );
      }
    });
  });

  it('reads past 4 and 8 GiB without reading what lies between', async () => {
    await withFile(new Uint8Array(0), async (file) => {
      const sizes = [5 * 2 ** 30 + 1, 9 * 2 ** 30, 3];
      let position = 0;
      for (const [index, size] of sizes.entries()) {
        const header = encodeHeader({ name: `blob${index}`, mode: 0o444, size });
        await file.write(header, 0, header.length, position);
        position += header.length + size + paddingFor(size);
      }
      await file.truncate(position + 1024);
      let read = 0;
      const counting = {
        stat: () => file.stat(),
        read: async (...args: [Uint8Array, number, number, number]) => {
          const result = await file.read(...args);
          read += result.bytesRead;
          return result;
        },
      } as unknown as FileHandle;
      const ends: ArchiveEnd[] = [];
      const entries = await list(counting, { onEnd: (end) => void ends.push(end) });
      expect(entries.map(({ size }) => size)).toEqual(sizes);
      expect(entries.map(({ dataOffset }) => dataOffset)[2]).toBe(position - 512);
      expect(ends).toEqual([{ marked: true, offset: position }]);
      expect(read).toBeLessThan(256 * 1024);
      // One byte less, and the last entry no longer fits.
      await file.truncate(position - 1);
      await expect(list(file)).rejects.toThrow(/cut off: it ends at byte \d+, inside entry "blob2"/);
    });
  });

  it('names an archive that is cut off anywhere', async () => {
    const small = Buffer.concat([
      member('a', Buffer.from('one')),
      member('b'.repeat(200), Buffer.from('two')),
      END_OF_ARCHIVE,
    ]);
    await withFile(small, async (file) => {
      for (let length = small.length - 1; length >= 0; length -= 1) {
        await file.truncate(length);
        const error: unknown = await list(file).catch((caught: unknown) => caught);
        expect(isStowageError(error, 'INVALID'), `cut off at ${length}`).toBe(true);
        if (length >= 512) expect((error as { detail: unknown }).detail).toMatchObject({ truncated: true });
      }
    });
  });

  it('reports a file that becomes shorter while it is read', async () => {
    await withFile(archive, async (file) => {
      const entries = indexTar(file);
      await entries.next();
      await entries.next();
      await file.truncate(2000);
      const rest = async (): Promise<void> => {
        for await (const _ of entries);
      };
      await expect(rest()).rejects.toThrow(/cut off/);
    });
  });

  it('refuses what the stream reader refuses', async () => {
    expect(String(await failure(new Uint8Array(0)))).toContain('it is empty');
    expect(String(await failure(Buffer.from('1f8b0800', 'hex')))).toContain('compressed with gzip');
    expect(String(await failure(Buffer.alloc(3000, 1)))).toContain('it is not a tar archive');
    const twice = Buffer.concat([archive, new Uint8Array(100_000), archive]);
    expect(String(await failure(twice, { name: 'x' }))).toContain('holds data after its end marker');
    expect(isStowageError(await failure(archive, { maxEntries: 1 }), 'LIMIT_EXCEEDED')).toBe(true);
  });

  it('accepts a missing end marker where it is told to', async () => {
    const bare = archive.subarray(0, -1024);
    expect(await failure(bare)).toBeDefined();
    expect(await failure(bare, { endMarker: 'optional' })).toBeUndefined();
  });

  it('refuses anything but a regular file', async () => {
    const file = await open(directory);
    await expect(list(file)).rejects.toThrow(/it is not a regular file/);
    await file.close();
  });

  it('rejects with the reason of an aborted signal', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await withFile(archive, async (file) => {
      const entries = indexTar(file, { signal: controller.signal });
      await entries.next();
      await entries.next();
      controller.abort(reason);
      const rest = async (): Promise<void> => {
        for await (const _ of entries);
      };
      await expect(rest()).rejects.toBe(reason);
      await expect(list(file, { signal: controller.signal })).rejects.toBe(reason);
    });
  });
});
