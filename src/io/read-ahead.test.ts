import { describe, expect, it } from 'vitest';
import { bytesOf, collect, failureOf, inPieces } from '../testing/content.js';
import type { Bytes } from './byte-source.js';
import { readAhead } from './read-ahead.js';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

/** Counts what is asked for, and whether it was closed. */
function counted(chunks: number, size: number) {
  const state = { given: 0, closed: false };
  const source = async function* (): Bytes {
    try {
      for (; state.given < chunks;) {
        state.given += 1;
        yield bytesOf(state.given, size);
      }
    } finally {
      state.closed = true;
    }
  };
  return { state, source: source() };
}

describe('reading ahead', () => {
  it('gives the same bytes in the same order', async () => {
    const content = bytesOf(1, 100_000);
    for (const limit of [1, 999, 1 << 20]) {
      expect(Buffer.compare(await collect(readAhead(inPieces(content, 999), limit)), content)).toBe(0);
    }
    expect((await collect(readAhead(inPieces(Buffer.alloc(0), 10), 10))).byteLength).toBe(0);
  });

  it('asks for chunks while the receiver is busy, until as much waits as was allowed', async () => {
    const { state, source } = counted(100, 1000);
    const chunks = readAhead(source, 5000)[Symbol.asyncIterator]();
    await chunks.next();
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    expect(state.given).toBe(1 + 5);
    await chunks.next();
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    expect(state.given).toBe(1 + 6);
    await chunks.return?.();
    expect(state).toEqual({ given: 7, closed: true });
  });

  it('tells of a failure when everything before it was taken', async () => {
    const reason = new Error('the disk is gone');
    async function* failing(): Bytes {
      yield bytesOf(1, 10);
      yield bytesOf(2, 10);
      throw reason;
    }
    const seen: number[] = [];
    const running = (async () => {
      for await (const chunk of readAhead(failing(), 1000)) {
        seen.push(chunk.byteLength);
        await nextTurn();
      }
    })();
    expect(await failureOf(running)).toBe(reason);
    expect(seen).toEqual([10, 10]);
  });
});
