import { describe, expect, it } from 'vitest';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createInflateRaw, gzipSync } from 'node:zlib';
import { haveTool, runTool } from '../../../test/support/compression-tools.js';
import { bytesOf, collect, failureOf, inPieces, rejectsWith } from '../../testing/content.js';
import type { Bytes } from '../byte-source.js';
import { compress } from './compress.js';
import { decompress } from './decompress.js';

/** More than two portions, of which one does not compress. */
const content = Buffer.concat([Buffer.alloc(1_500_000, 'layer '), bytesOf(5, 1_200_000)]);

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.each(['gzip', 'zstd'] as const)('compress to %s', (compression) => {
  it.skipIf(!haveTool(compression))(`makes what ${compression} itself reads and finds sound`, async () => {
    for (const plain of [content, content.subarray(0, 1 << 20), Buffer.from('x'), Buffer.alloc(0)]) {
      const bytes = await collect(compress(inPieces(plain, 1 << 16), compression));
      expect(sha256(runTool(compression, ['-dc'], bytes))).toBe(sha256(plain));
      runTool(compression, ['-t'], bytes);
    }
  });

  it('is undone by decompress', async () => {
    const bytes = compress(inPieces(content, 1 << 16), compression);
    expect(sha256(await collect(decompress(bytes)))).toBe(sha256(content));
  });

  it('makes the same bytes wherever the chunks of the source end', async () => {
    const expected = sha256(await collect(compress(inPieces(content, content.byteLength), compression)));
    for (const piece of [999, 1 << 16, 1 << 20, (1 << 20) + 1]) {
      expect(sha256(await collect(compress(inPieces(content, piece), compression)))).toBe(expected);
    }
  });

  it('obeys the level', async () => {
    const text = await readFile(new URL('../../../package-lock.json', import.meta.url));
    const at = async (level: number) =>
      (await collect(compress(inPieces(text, 1 << 16), compression, { level }))).byteLength;
    expect(await at(9)).toBeLessThan(await at(1));
    for (const level of [0, -1, 1.5, 20, Number.NaN]) {
      expect(await rejectsWith('INVALID', at(level))).toMatchObject({
        message: expect.stringMatching(/^Cannot compress with \w+ at level .*: it is not a whole number/),
      });
    }
  });

  it('needs little memory', async () => {
    const zeros = new Uint8Array(1 << 20);
    async function* source(): Bytes {
      for (let i = 0; i < 512; i++) yield zeros;
    }
    const before = process.memoryUsage.rss();
    let peak = 0;
    for await (const _ of compress(source(), compression, { level: 1 })) {
      peak = Math.max(peak, process.memoryUsage.rss() - before);
    }
    expect(peak).toBeLessThan(100e6);
  });

  it('closes its source when it is left early, also one that is waited for', async () => {
    let closed = false;
    let given = 0;
    const source: Bytes = {
      [Symbol.asyncIterator]: () => ({
        next: () =>
          given++ < 40
            ? Promise.resolve({ done: false, value: bytesOf(given, 100_000) })
            : new Promise(() => undefined),
        return: () => {
          closed = true;
          return Promise.resolve({ done: true, value: undefined });
        },
      }),
    };
    let seen = 0;
    for await (const chunk of compress(source, compression)) {
      seen += chunk.byteLength;
      if (seen > 1_000_000) break;
    }
    expect(closed).toBe(true);
  });

  it('passes the failure of its source and the reason of an abort on', async () => {
    const reason = new Error('the disk is gone');
    async function* failing(): Bytes {
      yield content;
      throw reason;
    }
    expect(await failureOf(collect(compress(failing(), compression)))).toBe(reason);

    const controller = new AbortController();
    async function* stuck(): Bytes {
      yield content;
      await new Promise(() => undefined);
    }
    const running = collect(compress(stuck(), compression, { signal: controller.signal }));
    setTimeout(() => controller.abort('enough'), 20);
    expect(await failureOf(running)).toBe('enough');
  });
});

describe('compress to gzip', () => {
  it('writes neither name nor time nor system', async () => {
    const bytes = await collect(compress(inPieces(content, 1000), 'gzip'));
    expect(bytes.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
  });

  it('is one member, for readers that stop after the first', async () => {
    const bytes = await collect(compress(inPieces(content, 1 << 16), 'gzip'));
    const inflate = createInflateRaw();
    const plain = collect(inflate);
    // Behind its end, inflate leaves what it does not take: the trailer, and nothing of the content.
    inflate.end(bytes.subarray(10));
    expect(sha256(await plain)).toBe(sha256(content));
    expect(inflate.bytesWritten).toBe(bytes.byteLength - 10 - 8);
  });

  it('loses next to nothing by its blocks', async () => {
    const text = Buffer.concat(
      await Promise.all(
        ['package-lock.json', 'ARCHITECTURE.md', 'README.md'].map((name) =>
          readFile(new URL(`../../../${name}`, import.meta.url)),
        ),
      ),
    );
    const long = Buffer.concat(
      Array.from({ length: 20 }, (_, number) => Buffer.concat([text, bytesOf(number, 50_000)])),
    );
    const blocks = (await collect(compress(inPieces(long, 1 << 16), 'gzip'))).byteLength;
    expect(blocks / gzipSync(long).byteLength).toBeLessThan(1.001);
  });

  // zlib looks for matches with what instructions the processor has, so others may give other bytes.
  it.runIf(process.arch === 'x64')(
    'gives the same bytes on every version of Node and any number of processors',
    async () => {
      const bytes = await collect(compress(inPieces(content, 1 << 16), 'gzip'));
      expect(sha256(bytes)).toBe('e9d61bb062df172825475f59ad9e9c137b0e313df9207f474282e80bee9a64fc');
    },
  );
});
