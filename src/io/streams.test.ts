import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bytesOf, collect, failureOf, inPieces } from '../testing/content.js';
import { fromSource, toReadable, toWebStream } from './streams.js';

const content = bytesOf(1, 200_000);

/** Counts what is taken, and tells whether it was closed. */
function watched() {
  const seen = { taken: 0, closed: false };
  async function* bytes() {
    try {
      for await (const chunk of inPieces(content, 1000)) {
        seen.taken++;
        yield chunk;
      }
    } finally {
      seen.closed = true;
    }
  }
  return { seen, bytes: bytes() };
}

describe('fromSource', () => {
  it.each([
    ['bytes', () => content],
    ['a Blob', () => new Blob([new Uint8Array(content)])],
    ['a Node stream', () => Readable.from(inPieces(content, 1000), { objectMode: false })],
    ['a Web stream', () => new Blob([new Uint8Array(content)]).stream()],
    ['an iterable', () => [content.subarray(0, 10), content.subarray(10)]],
    ['an async iterable', () => inPieces(content, 1000)],
  ])('takes %s', async (_, make) => {
    expect((await collect(fromSource(make() as Uint8Array))).equals(content)).toBe(true);
  });

  it('destroys a Node stream and cancels a Web stream that is left early', async () => {
    const node = Readable.from(inPieces(content, 1000), { objectMode: false });
    for await (const _ of fromSource(node)) break;
    expect(node.destroyed).toBe(true);
    let cancelled = false;
    const web = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(content),
      cancel: () => void (cancelled = true),
    });
    for await (const _ of fromSource(web)) break;
    expect(cancelled).toBe(true);
  });

  it('refuses text', async () => {
    const text = Readable.from(['abc']);
    expect(await failureOf(collect(fromSource(text)))).toMatchObject({
      code: 'INVALID',
      message: 'Cannot read a stream: a chunk is a string, not bytes',
    });
  });
});

describe('toReadable and toWebStream', () => {
  it('give the same bytes back', async () => {
    expect((await collect(fromSource(toReadable(inPieces(content, 999))))).equals(content)).toBe(true);
    expect((await collect(fromSource(toWebStream(inPieces(content, 999))))).equals(content)).toBe(true);
  });

  it('pull only as fast as they are read', async () => {
    const web = watched();
    const reader = toWebStream(web.bytes).getReader();
    await reader.read();
    expect(web.seen.taken).toBe(1);
    await reader.cancel();
    expect(web.seen.closed).toBe(true);

    const node = watched();
    const readable = toReadable(node.bytes);
    await new Promise((resolve) => readable.once('readable', resolve));
    expect(node.seen.taken).toBeLessThan(100);
    readable.destroy();
    await new Promise((resolve) => readable.once('close', resolve));
    expect(node.seen.closed).toBe(true);
  });

  it('fail as their source does', async () => {
    const reason = new Error('broken');
    async function* breaking() {
      yield content;
      throw reason;
    }
    expect(await failureOf(collect(fromSource(toReadable(breaking()))))).toBe(reason);
    expect(await failureOf(collect(fromSource(toWebStream(breaking()))))).toBe(reason);
  });
});
