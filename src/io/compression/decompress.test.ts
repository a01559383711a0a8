import { describe, expect, it } from 'vitest';
import { haveTool, runTool } from '../../../test/support/compression-tools.js';
import { bytesOf, collect, failureOf, inPieces, rejectsWith } from '../../testing/content.js';
import type { Bytes } from '../byte-source.js';
import { decompress, decompressing } from './decompress.js';
import { detectCompression } from './detect.js';

const small = Buffer.from('A manifest names its layers. '.repeat(4));
/** Three quarters that compress, one that does not; larger than what any codec works on at a time. */
const large = Buffer.concat([Buffer.alloc(5_000_000, 'layer '), bytesOf(3, 3_000_000), small]);

const MAKERS = [
  ['gzip', 'gzip', ['-c']],
  ['gzip with a name', 'gzip', ['-cN']],
  ['pigz', 'pigz', ['-c']],
  ['zstd', 'zstd', ['-c']],
  ['zstd, one segment', 'zstd', ['-c', '--stream-size=8000116', '--no-check']],
  ['zstd, with long distances', 'zstd', ['-c', '--long=27']],
  ['zstd on several threads', 'zstd', ['-c', '-T2', '-B1MiB']],
  ['pzstd, in several frames', 'pzstd', ['-c', '-p', '2']],
  ['xz', 'xz', ['-c']],
  ['xz in several blocks', 'xz', ['-c', '-T2', '--block-size=1MiB']],
  ['xz with CRC32', 'xz', ['-c', '--check=crc32']],
] as const;

/** One maker of each format, and its magic number's length. */
const FORMATS = [
  ['gzip', 'gzip', ['-cn'], 3],
  ['zstd', 'zstd', ['-c', '--check'], 4],
  ['xz', 'xz', ['-c'], 6],
] as const;

/** Slow to make, and asked for often. */
const ofLarge = new Map<string, Buffer>();
function make(tool: string, args: readonly string[], content: Uint8Array): Buffer {
  if (content !== large) return runTool(tool, args, content);
  const key = [tool, ...args].join(' ');
  const made = ofLarge.get(key) ?? runTool(tool, args, content);
  ofLarge.set(key, made);
  return Buffer.from(made);
}

const decoded = (bytes: Uint8Array, piece = 1 << 16) => collect(decompress(inPieces(bytes, piece)));
const skippable = (length: number) => {
  const frame = Buffer.alloc(8 + length, 0x28);
  frame.writeUInt32LE(0x184d2a5e, 0);
  frame.writeUInt32LE(length, 4);
  return frame;
};

describe.each(MAKERS)('decompress, what was made by %s', (_, tool, args) => {
  it.skipIf(!haveTool(tool))(`gives the content back (needs ${tool})`, async () => {
    const bytes = runTool(tool, args, large);
    expect((await decoded(bytes)).equals(large)).toBe(true);
    expect((await decoded(bytes, bytes.byteLength)).equals(large)).toBe(true);
  });

  it.skipIf(!haveTool(tool))(`takes single bytes (needs ${tool})`, async () => {
    expect(
      (
        await decoded(
          runTool(
            tool,
            args.filter((arg) => !arg.includes('size')),
            small,
          ),
          1,
        )
      ).equals(small),
    ).toBe(true);
  });
});

describe.each(FORMATS)('decompress, %s', (compression, tool, args, magicBytes) => {
  const it_ = it.skipIf(!haveTool(tool));
  const made = (content: Uint8Array) => make(tool, args, content);

  it_('reads several one after another as one, wherever chunks end', async () => {
    const both = Buffer.concat([made(small), made(Buffer.alloc(0)), made(large.subarray(0, 70_000))]);
    const content = Buffer.concat([small, large.subarray(0, 70_000)]);
    for (const piece of [1, 2, 7, 64, both.byteLength]) {
      expect((await decoded(both, piece)).equals(content)).toBe(true);
    }
  });

  it_('is an error wherever it is cut', async () => {
    const bytes = Buffer.concat([made(small), made(small)]);
    const boundary = bytes.byteLength / 2;
    for (let length = magicBytes; length < bytes.byteLength; length++) {
      if (length === boundary) continue;
      const error = await rejectsWith('INVALID', decoded(bytes.subarray(0, length)));
      expect(error).toMatchObject({
        message: `Cannot decompress a stream: its ${compression} data ends too early`,
        hint: 'the file is cut short; fetch or copy it again',
      });
    }
    expect((await decoded(bytes.subarray(0, magicBytes - 1))).byteLength).toBe(magicBytes - 1);
  });

  it_('never gives other content when a bit is flipped', async () => {
    const bytes = made(small);
    let refused = 0;
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      const flipped = Buffer.from(bytes);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      if (detectCompression(flipped) === 'none') continue;
      const result = await decoded(flipped).catch((error: unknown) => error as Error);
      if (result instanceof Error) refused++;
      else expect(result.equals(small)).toBe(true);
    }
    expect(refused).toBeGreaterThan(bytes.byteLength * 4);
  });

  it_('says in one line what is damaged', async () => {
    const bytes = made(large.subarray(4_900_000, 5_200_000));
    bytes[bytes.byteLength >> 1] = (bytes[bytes.byteLength >> 1] ?? 0) ^ 0x10;
    const error = await rejectsWith(
      'INVALID',
      collect(decompress(inPieces(bytes, 1000), { what: '"x.tar"' })),
    );
    expect(error).toMatchObject({ detail: { compression } });
    expect((error as Error).message).toMatch(
      new RegExp(`^Cannot decompress "x\\.tar": its ${compression} data is damaged: [^\\n]+$`),
    );
  });

  it_('is an error if something else follows', async () => {
    for (const piece of [1, 1 << 16]) {
      await rejectsWith('INVALID', decoded(Buffer.concat([made(small), Buffer.from('garbage!')]), piece));
      await rejectsWith(
        'INVALID',
        decoded(Buffer.concat([made(small), Buffer.alloc(64), Buffer.from('garbage!')]), piece),
      );
    }
  });

  it_('is decompressed once, whatever is inside', async () => {
    const inner = made(small);
    expect((await decoded(made(inner))).equals(inner)).toBe(true);
  });

  it_('does not mind chunks without bytes', async () => {
    async function* withEmpty(): Bytes {
      for await (const chunk of inPieces(made(small), 5)) {
        yield new Uint8Array(0);
        yield chunk;
      }
    }
    expect((await collect(decompress(withEmpty()))).equals(small)).toBe(true);
  });

  it_('gives chunks that are not written again', async () => {
    const kept: Uint8Array[] = [];
    const copies: Uint8Array[] = [];
    for await (const chunk of decompress(inPieces(made(large), 1 << 16))) {
      kept.push(chunk);
      copies.push(Uint8Array.from(chunk));
    }
    expect(Buffer.concat(kept).equals(Buffer.concat(copies))).toBe(true);
    expect(Buffer.concat(kept).equals(large)).toBe(true);
  });

  it_('is read two at a time, in step', async () => {
    const bytes = made(large);
    const first = decompress(inPieces(bytes, 1 << 16))[Symbol.asyncIterator]();
    const second = decompress(inPieces(bytes, 1 << 16))[Symbol.asyncIterator]();
    expect((await first.next()).value?.byteLength).toBeGreaterThan(0);
    expect((await second.next()).value?.byteLength).toBeGreaterThan(0);
    await first.return?.();
    await second.return?.();
  });

  it_('of a gibibyte of zeros needs little memory', async () => {
    const part = made(Buffer.alloc(64 << 20));
    let produced = 0;
    let peak = 0;
    const before = process.memoryUsage.rss();
    for await (const chunk of decompress([Buffer.concat(Array<Buffer>(16).fill(part))] as unknown as Bytes)) {
      produced += chunk.byteLength;
      expect(chunk.byteLength).toBeLessThanOrEqual(1 << 20);
      peak = Math.max(peak, process.memoryUsage.rss() - before);
    }
    expect(produced).toBe(2 ** 30);
    expect(peak).toBeLessThan(150e6);
  });

  it_('stops at the limits that are set', async () => {
    const bomb = made(Buffer.alloc(8 << 20));
    const run = (limit: object) => collect(decompress(inPieces(bomb, 100), { what: '"b"', limit }));
    expect((await run({ maxBytes: 8 << 20 })).byteLength).toBe(8 << 20);
    expect(await rejectsWith('LIMIT_EXCEEDED', run({ maxBytes: (8 << 20) - 1 }))).toMatchObject({
      message: 'Cannot decompress "b": it becomes more than the 8388607 bytes that are accepted',
    });
    await rejectsWith('LIMIT_EXCEEDED', run({ maxRatio: 100, graceBytes: 1 << 20 }));
    expect((await run({ maxRatio: 100, graceBytes: 8 << 20 })).byteLength).toBe(8 << 20);
  });
});

describe('decompress, several formats', () => {
  it('passes what is not compressed on as it is, not even copied', async () => {
    const chunks = [small.subarray(0, 1), small.subarray(1, 4), small.subarray(4)];
    async function* source(): Bytes {
      yield* chunks;
    }
    const seen: Uint8Array[] = [];
    for await (const chunk of decompress(source())) seen.push(chunk);
    expect(seen).toHaveLength(3);
    seen.forEach((chunk, index) => expect(chunk).toBe(chunks[index]));
    expect(await collect(decompress(inPieces(new Uint8Array(0), 1)))).toHaveLength(0);
  });

  it.skipIf(!haveTool('gzip'))('takes zeros after gzip for padding', async () => {
    const bytes = runTool('gzip', ['-c'], small);
    for (const [padding, piece] of [
      [1, 1],
      [512, 1],
      [3_000_000, 1 << 16],
      [512, 1 << 16],
    ] as const) {
      expect((await decoded(Buffer.concat([bytes, Buffer.alloc(padding)]), piece)).equals(small)).toBe(true);
    }
  });

  it.skipIf(!haveTool('zstd'))('leaves skippable frames of zstd out', async () => {
    const frame = runTool('zstd', ['-c'], small);
    const bytes = Buffer.concat([
      skippable(0),
      skippable(3),
      frame,
      skippable(100_000),
      frame,
      skippable(40),
    ]);
    for (const piece of [1, 3, 1000, bytes.byteLength]) {
      expect((await decoded(bytes, piece)).equals(Buffer.concat([small, small]))).toBe(true);
    }
    expect(await decoded(skippable(9))).toHaveLength(0);
    await rejectsWith('INVALID', decoded(skippable(9).subarray(0, 16)));
  });

  it.skipIf(!haveTool('zstd'))('refuses a window of zstd that is too large', async () => {
    const bytes = runTool('zstd', ['-c', '--ultra', '--long=28'], large);
    expect(await rejectsWith('LIMIT_EXCEEDED', decoded(bytes))).toMatchObject({
      message: `Cannot decompress a stream: its zstd data needs a window of ${2 ** 28} bytes, at most ${2 ** 27} are accepted`,
      hint: 'if it is trusted, decompress it with unzstd first',
    });
  });

  it('refuses zstd that needs a dictionary', async () => {
    const bytes = Buffer.from('28b52ffd21070a010000', 'hex');
    expect(await rejectsWith('UNSUPPORTED', decoded(bytes))).toMatchObject({
      message: 'Cannot decompress a stream: its zstd data was made with a dictionary',
    });
  });

  it.skipIf(!haveTool('xz'))('names the tool for xz that it cannot read', async () => {
    for (const args of [
      ['-c', '--check=sha256'],
      ['-c', '--x86', '--lzma2'],
    ]) {
      expect(await rejectsWith('UNSUPPORTED', decoded(runTool('xz', args, small)))).toMatchObject({
        hint: 'decompress it with unxz first',
      });
    }
    await rejectsWith('LIMIT_EXCEEDED', decoded(runTool('xz', ['-c', '--lzma2=dict=128MiB'], small)));
  });

  it.skipIf(!haveTool('bzip2'))('names the tool for bzip2', async () => {
    const { state, source } = endless(runTool('bzip2', ['-c'], large));
    expect(await rejectsWith('UNSUPPORTED', collect(decompress(source)))).toMatchObject({
      message: 'Cannot decompress a stream: it is compressed with bzip2, which is not read here',
      hint: 'decompress it with bunzip2 first',
    });
    expect(state.closed).toBe(true);
  });
});

/** Gives `bytes`, then `then` decides; tells whether it was closed. */
function watched(bytes: Uint8Array, then: () => Promise<never>) {
  const state = { closed: false };
  async function* source(): Bytes {
    try {
      yield* inPieces(bytes, 1000);
      await then();
    } finally {
      state.closed = true;
    }
  }
  return { state, source: source() };
}
/** Never comes, but lets go when told. */
const endless = (bytes: Uint8Array) => {
  const state = { taken: 0, closed: false };
  const source: Bytes = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        const start = state.taken++ * 1000;
        if (start >= bytes.byteLength) return new Promise(() => {});
        return Promise.resolve({ done: false, value: bytes.subarray(start, start + 1000) });
      },
      return: () => {
        state.closed = true;
        return Promise.resolve({ done: true, value: undefined });
      },
    }),
  };
  return { state, source };
};

describe.each([...FORMATS, ['none', '', [], 0] as const])('decompress, the source of %s', (_, tool, args) => {
  const it_ = it.skipIf(tool !== '' && !haveTool(tool));
  const made = (content: Uint8Array) => (tool === '' ? content : make(tool, args, content));

  it_('is closed when iteration is left early, even while it is waited for', async () => {
    const { state, source } = endless(made(large));
    for await (const chunk of decompress(source)) {
      expect(chunk.byteLength).toBeGreaterThan(0);
      break;
    }
    expect(state.closed).toBe(true);

    const whole = made(small);
    const waiting = endless(Buffer.concat([whole, made(large).subarray(0, 1_500_000)]));
    let seen = 0;
    for await (const chunk of decompress(waiting.source)) {
      seen += chunk.byteLength;
      if (seen > small.byteLength + 10_000) break;
    }
    expect(waiting.state.closed).toBe(true);
  });

  it_('is read no further than the output is taken', async () => {
    const { state, source } = endless(made(bytesOf(9, 5_000_000)));
    const output = decompress(source)[Symbol.asyncIterator]();
    await output.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(state.taken).toBeLessThan(4000);
    await output.return?.();
    expect(state.closed).toBe(true);
  });

  it_('passes its failure on unchanged', async () => {
    const reason = new Error('the disk is gone');
    const { state, source } = watched(made(large).subarray(0, 2_000_000), () => Promise.reject(reason));
    expect(await failureOf(collect(decompress(source)))).toBe(reason);
    expect(state.closed).toBe(true);
  });

  it_('is let go with the reason of an abort', async () => {
    for (const reason of [new Error('enough'), 'a string', null]) {
      const controller = new AbortController();
      const { state, source } = endless(made(large).subarray(0, 2_000_000));
      const running = collect(decompress(source, { signal: controller.signal }));
      setTimeout(() => controller.abort(reason), 20);
      expect(await failureOf(running)).toBe(reason);
      expect(state.closed).toBe(true);
    }
    const controller = new AbortController();
    const output = decompress(inPieces(made(large), 1000), { signal: controller.signal })[
      Symbol.asyncIterator
    ]();
    await output.next();
    controller.abort('while nobody reads');
    expect(await failureOf(output.next())).toBe('while nobody reads');
  });

  it_('is closed after damage', async () => {
    if (tool === '') return;
    const bytes = made(large);
    bytes.fill(0xff, 100_000, 101_000);
    const { state, source } = endless(bytes);
    await rejectsWith('INVALID', collect(decompress(source)));
    expect(state.closed).toBe(true);
  });
});

describe('decompressing', () => {
  it.skipIf(!haveTool('zstd'))('says what it found before anything is decompressed', async () => {
    const bytes = runTool('zstd', ['-c'], small);
    const opened = await decompressing(inPieces(bytes, 1));
    expect(opened.compression).toBe('zstd');
    expect((await collect(opened.bytes)).equals(small)).toBe(true);
    await opened.close();
    expect((await decompressing(inPieces(small, 1))).compression).toBe('none');
  });

  it.skipIf(!haveTool('gzip'))('closes the source of bytes that are not wanted', async () => {
    for (const content of [small, make('gzip', ['-cn'], large)]) {
      const { state, source } = endless(content);
      const opened = await decompressing(source);
      await opened.close();
      expect(state.closed).toBe(true);
      expect(await collect(opened.bytes)).toHaveLength(0);
    }
  });

  it('rejects with the failure of a source that has nothing to give', async () => {
    const reason = new Error('no');
    const { source } = watched(Buffer.from('ab'), () => Promise.reject(reason));
    expect(await failureOf(decompressing(source))).toBe(reason);
  });
});
