import assert from 'node:assert/strict';
import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, it } from 'vitest';
import type { ByteSource } from '../../io/byte-source.js';
import { PIECE } from '../../io/each-piece.js';
import { digestOf } from '../../io/hash.js';
import { bytesOf, failureOf, rejectsWith, targetOf } from '../../testing/content.js';
import type { OpenFile } from './files.js';
import { nodeFiles } from './node-files.js';
import { writeBlob, type WriteBlobOptions } from './write-blob.js';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-write-blob-'));
  path = join(folder, 'data');
});
afterEach(() => rm(folder, { recursive: true }));

const content = bytesOf(7, 3 * PIECE + 12_345);

/** What an earlier write may have left of `content`. */
const leftovers: Readonly<Record<string, Uint8Array>> = {
  nothing: new Uint8Array(0),
  'its beginning': content.subarray(0, 1_500_000),
  'its beginning up to a piece': content.subarray(0, 2 * PIECE),
  'all of it': content,
  'all of it and more': Buffer.concat([content, bytesOf(8, 2 * PIECE)]),
  'something else': bytesOf(9, 1_500_000),
  'something else, and longer': bytesOf(9, 5 * PIECE),
  'a beginning that goes wrong in the second piece': changedAt(content.subarray(0, 2_500_000), PIECE + 5),
  'a beginning that ends in zeros, as after a power cut': zeroedFrom(
    content.subarray(0, 2_500_000),
    2_400_000,
  ),
  zeros: new Uint8Array(3 * PIECE),
};

function changedAt(bytes: Uint8Array, position: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[position] = (copy[position] ?? 0) ^ 0xff;
  return copy;
}

function zeroedFrom(bytes: Uint8Array, position: number): Uint8Array {
  return Uint8Array.from(bytes).fill(0, position);
}

interface Written {
  readonly digest: string;
  readonly size: number;
  readonly reported: number;
  readonly writtenBytes: number;
}

async function write(
  source: ByteSource,
  left: Uint8Array,
  options: Partial<WriteBlobOptions> = {},
): Promise<Written> {
  await writeFile(path, left);
  let reported = 0;
  let writtenBytes = 0;
  const create = async () => {
    const file: OpenFile = await nodeFiles.open(path, 'r+');
    const writev = file.writev.bind(file);
    file.writev = (pieces, position) => {
      writtenBytes += pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
      return writev(pieces, position);
    };
    return { file, present: left.byteLength };
  };
  const result = await writeBlob(source, {
    algorithm: 'sha256',
    expected: targetOf(content),
    create,
    attempt: 'Cannot store it',
    onBytes: (count) => (reported += count),
    signal: undefined,
    ...options,
  });
  return { ...result, reported, writtenBytes };
}

/** The content as each kind of source that is treated in its own way. */
async function withSource(
  kind: 'chunks' | 'slice',
  work: (source: ByteSource, read: () => number) => Promise<void>,
  bytes: Uint8Array = content,
): Promise<void> {
  let read = 0;
  if (kind === 'chunks') {
    const chunks = async function* () {
      for (let at = 0; at < bytes.byteLength; at += 300_007) yield bytes.subarray(at, at + 300_007);
    };
    return work(chunks(), () => read);
  }
  await writeFile(join(folder, 'archive'), Buffer.concat([bytesOf(1, 512), bytes, bytesOf(2, 512)]));
  const file = await open(join(folder, 'archive'));
  const plain = file.read.bind(file) as (...args: unknown[]) => Promise<{ bytesRead: number }>;
  file.read = (async (...args: unknown[]) => {
    const result = await plain(...args);
    read += result.bytesRead;
    return result;
  }) as typeof file.read;
  try {
    await work({ file, offset: 512, length: bytes.byteLength }, () => read);
  } finally {
    await file.close();
  }
}

describe('writing a blob', () => {
  for (const kind of ['chunks', 'slice'] as const) {
    for (const [what, left] of Object.entries(leftovers)) {
      it(`from ${kind} ends in the right file where an earlier write left ${what}`, async () => {
        await withSource(kind, async (source) => {
          const { digest, size, reported } = await write(source, left);
          assert.deepEqual([digest, size], [digestOf(content), content.byteLength]);
          assert.equal(reported, content.byteLength);
        });
        assert.ok((await readFile(path)).equals(content));
        assert.equal((await stat(path)).mode & 0o777, 0o444);
      });
    }

    it(`from ${kind} says what is wrong with the source, not with what was left`, async () => {
      const wrong = changedAt(content, content.byteLength - 1);
      for (const left of Object.values(leftovers)) {
        if (left === content && kind === 'slice') continue;
        await withSource(
          kind,
          async (source) => {
            const error = await rejectsWith('MISMATCH', write(source, left));
            assert.equal(error.detail['actualDigest'], digestOf(wrong));
          },
          wrong,
        );
        await rm(path, { force: true });
      }
    });

    it(`from ${kind} of unknown digest gets the digest of the source, whatever was left`, async () => {
      for (const left of Object.values(leftovers)) {
        await withSource(kind, async (source) => {
          assert.equal((await write(source, left, { expected: undefined })).digest, digestOf(content));
        });
        assert.ok((await readFile(path)).equals(content));
        await rm(path);
      }
    });
  }

  it('needs nothing of an archive where all of the content is there, and right', async () => {
    const wrong = new Uint8Array(content.byteLength);
    const reading = async (source: ByteSource, read: () => number) => {
      await write(source, content);
      assert.equal(read(), 0);
    };
    await withSource('slice', reading, wrong);
    assert.ok((await readFile(path)).equals(content));
  });

  it('does not write again what is there', async () => {
    const present = 2 * PIECE;
    for (const kind of ['chunks', 'slice'] as const) {
      await withSource(kind, async (source) => {
        const { writtenBytes } = await write(source, content.subarray(0, present));
        assert.ok(writtenBytes <= content.byteLength - present + PIECE, `${writtenBytes} bytes written`);
      });
      await rm(path);
    }
  });

  it('does not read again from an archive what is there', async () => {
    await withSource('slice', async (source, read) => {
      await write(source, content.subarray(0, 2_000_000));
      assert.equal(read(), content.byteLength - 2_000_000);
    });
  });

  it('is right for any source, cut into any chunks, over anything that was left', async () => {
    const bytes = fc.tuple(fc.integer({ min: 0, max: 3 * PIECE }), fc.integer({ min: 0, max: 3 }));
    const property = fc.asyncProperty(
      bytes,
      bytes,
      fc.integer({ min: 0, max: 3 * PIECE }),
      fc.integer({ min: 50_000, max: 2 * PIECE }),
      fc.constantFrom('chunks' as const, 'slice' as const),
      async ([size, seed], [leftSize, leftSeed], common, step, kind) => {
        const wanted = bytesOf(seed, size);
        const left = Buffer.from(bytesOf(leftSeed, leftSize));
        left.set(wanted.subarray(0, Math.min(common, leftSize)));
        const chunks = async function* () {
          for (let at = 0; at < size; at += step) yield wanted.subarray(at, at + step);
        };
        const options = { expected: targetOf(wanted) };
        if (kind === 'chunks') await write(chunks(), left, options);
        else await withSource('slice', async (source) => void (await write(source, left, options)), wanted);
        assert.ok((await readFile(path)).equals(wanted));
        await rm(path);
      },
    );
    await fc.assert(property, { numRuns: 40 });
  });

  it('stops while it hashes what was left', async () => {
    const controller = new AbortController();
    const reason = new Error('stop');
    await withSource('slice', async (source) => {
      const writing = write(source, content, {
        signal: controller.signal,
        onBytes: () => controller.abort(reason),
      });
      assert.equal(await failureOf(writing), reason);
    });
  });

  it('reports a disk that cannot read what was left as a failure of the disk', async () => {
    for (const kind of ['chunks', 'slice'] as const) {
      await withSource(kind, async (source) => {
        await writeFile(path, content);
        const create = async () => {
          const file: OpenFile = await nodeFiles.open(path, 'r+');
          file.read = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
          return { file, present: content.byteLength };
        };
        const error = await rejectsWith('CORRUPT', write(source, content, { create }));
        assert.match(error.message, /^Cannot store it: /);
      });
      await rm(path);
    }
  });
});
