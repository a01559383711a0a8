import { describe, expect, it } from 'vitest';
import { bytesOf } from '../testing/content.js';
import { digestOf } from './hash.js';
import { HASH_PIECE, HashThread } from './hash-thread.js';

const CONTENT = bytesOf(1, 20 * HASH_PIECE + 17);

async function hashed(thread: HashThread, algorithm: 'sha256' | 'sha512', piece: number) {
  const hasher = await thread.take(algorithm);
  if (hasher === undefined) return undefined;
  try {
    const buffer = new Uint8Array(piece);
    for (let start = 0; start < CONTENT.byteLength; start += piece) {
      const part = CONTENT.subarray(start, start + piece);
      buffer.set(part);
      await hasher.update(buffer.subarray(0, part.byteLength));
      buffer.fill(0);
    }
    return await hasher.digest();
  } finally {
    hasher.close();
  }
}

describe('a thread that hashes', () => {
  it('says what this thread would say, one content after the other, of bytes that change once they are taken', async () => {
    await using thread = new HashThread();
    expect(await hashed(thread, 'sha256', HASH_PIECE)).toBe(digestOf(CONTENT));
    expect(await hashed(thread, 'sha512', 300_007)).toBe(digestOf(CONTENT, 'sha512'));
  });

  it('gives back what it was lent, in its order, and has the buffer until then', async () => {
    await using thread = new HashThread();
    const hasher = (await thread.take('sha256'))!;
    const lent = [0, 1, 2].map((at) => bytesOf(at, 1000 + at));
    const expected = digestOf(Buffer.concat(lent));
    const copies = lent.map((bytes) => Buffer.from(bytes));
    const back = lent.map((bytes) => hasher.lend(bytes));
    expect(lent.map(({ byteLength }) => byteLength)).toEqual([0, 0, 0]);
    expect((await Promise.all(back)).map((bytes) => Buffer.from(bytes))).toEqual(copies);
    expect(await hasher.digest()).toBe(expected);
    hasher.close();
  });

  it('is taken by one at a time', async () => {
    await using thread = new HashThread();
    const first = await thread.take('sha256');
    expect(await thread.take('sha256')).toBeUndefined();
    first?.close();
    expect(await hashed(thread, 'sha256', HASH_PIECE)).toBe(digestOf(CONTENT));
  });

  it('starts anew for the next one when it was left in the middle', async () => {
    await using thread = new HashThread();
    const left = await thread.take('sha256');
    for (let count = 0; count < 6; count++) await left?.update(CONTENT.subarray(0, HASH_PIECE));
    left?.close();
    expect(await hashed(thread, 'sha256', HASH_PIECE)).toBe(digestOf(CONTENT));
  });

  it('is not there where its program cannot be loaded', async () => {
    await using thread = new HashThread(new URL('./there-is-no-such-program.js', import.meta.url));
    expect(await thread.take('sha256')).toBeUndefined();
    expect(await thread.take('sha256')).toBeUndefined();
  });
});
