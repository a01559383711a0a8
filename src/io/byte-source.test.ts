import { mkdtemp, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bytesOf, collect, failureOf, listOf } from '../testing/content.js';
import { chunksOf } from './byte-source.js';

const MIB = 1 << 20;
const content = bytesOf(1, 3 * MIB + 100);

describe('chunksOf', () => {
  let folder: string;
  let file: FileHandle;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-test-'));
    await writeFile(join(folder, 'file'), content);
    file = await open(join(folder, 'file'));
  });
  afterEach(async () => {
    await file.close().catch(() => {});
    await rm(folder, { recursive: true });
  });

  it.each([
    [0, content.byteLength],
    [0, 0],
    [5, 1],
    [7, MIB],
    [MIB - 1, MIB + 2],
    [100, 3 * MIB],
  ])('reads a slice of a file at %i of %i bytes', async (offset, length) => {
    const chunks = await listOf(chunksOf({ file, offset, length }));
    expect(Buffer.concat(chunks).equals(content.subarray(offset, offset + length))).toBe(true);
    expect(chunks.every((chunk) => chunk.byteLength <= 2 * MIB)).toBe(true);
  });

  it('gives chunks that share no memory', async () => {
    const chunks = await listOf(chunksOf({ file, offset: 0, length: content.byteLength }));
    expect(new Set(chunks.map((chunk) => chunk.buffer)).size).toBe(chunks.length);
  });

  it('says where a file ends that is too short', async () => {
    const slice = { file, offset: 100, length: content.byteLength };
    expect(await failureOf(collect(chunksOf(slice)))).toMatchObject({
      code: 'MISMATCH',
      detail: { end: content.byteLength },
    });
  });

  it('is done with the file when iteration is left early', async () => {
    for await (const _ of chunksOf({ file, offset: 0, length: content.byteLength })) break;
    await file.close();
    expect(file.fd).toBe(-1);
  });

  it('passes an error of the file on, once', async () => {
    await file.close();
    const error = await failureOf(collect(chunksOf({ file, offset: 0, length: 10 })));
    expect(error).toMatchObject({ code: 'EBADF' });
  });

  it('takes bytes and iterables as they are', async () => {
    const bytes = Buffer.from('abc');
    expect(await listOf(chunksOf(bytes))).toEqual([bytes]);
    expect(await listOf(chunksOf(new Uint8Array()))).toEqual([]);
    expect(await listOf(chunksOf([bytes, bytes]))).toEqual([bytes, bytes]);
  });

  it('stops with the reason between two chunks and while the source hangs', async () => {
    const controller = new AbortController();
    async function* hanging() {
      yield Buffer.from('a');
      setImmediate(() => controller.abort('enough'));
      await new Promise(() => {});
    }
    expect(await failureOf(collect(chunksOf(hanging(), { signal: controller.signal })))).toBe('enough');
    expect(await failureOf(collect(chunksOf([content], { signal: controller.signal })))).toBe('enough');
  });
});
