import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, collect, failureOf, inPieces } from '../testing/content.js';
import { digestOf } from './hash.js';
import { HashThread } from './hash-thread.js';
import { verifying } from './verify.js';

const options = { what: 'blob "x"', code: 'MISMATCH' } as const;
const bytes = fc.uint8Array({ maxLength: 300 });
const pieces = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });

async function* chunks(list: readonly Uint8Array[]) {
  yield* list;
}

/** What came out before the failure, and the failure. */
async function drain(source: AsyncIterable<Uint8Array>) {
  let count = 0;
  const error: unknown = await failureOf(
    (async () => {
      for await (const chunk of source) count += chunk.byteLength;
    })(),
  );
  return { count, error };
}

describe('verifying', () => {
  it('passes on exactly what is right, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(
        pieces,
        fc.constantFrom('sha256', 'sha512'),
        fc.boolean(),
        async (list, algorithm, sized) => {
          const whole = Buffer.concat(list);
          const digest = digestOf(whole, algorithm);
          const expected = sized ? { digest, size: whole.byteLength } : { digest };
          expect(await collect(verifying(chunks(list), expected, options))).toEqual(whole);
        },
      ),
    );
  });

  it('never hands out the whole of content with another digest', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, bytes, fc.integer({ min: 1, max: 50 }), async (right, wrong, length) => {
        fc.pre(!Buffer.from(right).equals(Buffer.from(wrong)) && wrong.length > 0);
        const { count, error } = await drain(
          verifying(inPieces(wrong, length), { digest: digestOf(right) }, options),
        );
        expect(error).toMatchObject({ code: 'MISMATCH', detail: { actualDigest: digestOf(wrong) } });
        expect(count).toBeLessThan(wrong.length);
      }),
    );
  });

  it('never hands out the whole of content with another size, though the digest is right', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 300 }),
        fc.integer({ min: -20, max: 20 }),
        fc.integer({ min: 1, max: 50 }),
        async (content, off, length) => {
          fc.pre(off !== 0 && content.length + off >= 0);
          const expected = { digest: digestOf(content), size: content.length + off };
          const { count, error } = await drain(verifying(inPieces(content, length), expected, options));
          expect(error).toMatchObject({ code: 'MISMATCH', detail: { expectedSize: expected.size } });
          expect(count).toBeLessThan(content.length);
        },
      ),
    );
  });

  it('does the same where another thread hashes', async () => {
    await using hashing = new HashThread();
    for (const length of [1, 7, 1000]) {
      const content = new Uint8Array(bytesOf(length, length));
      const right = { digest: digestOf(content), size: length };
      // What is lent is gone from its giver, so each piece is a buffer of its own.
      const source = () => chunks([0, 1, 2, 3, 4, 5].map((at) => content.slice(at * 200, at * 200 + 200)));
      expect(await collect(verifying(source(), right, { ...options, hashing }))).toEqual(
        Buffer.from(content),
      );
      const wrong = { digest: digestOf(bytesOf(length + 1, length)) };
      const { count, error } = await drain(verifying(source(), wrong, { ...options, hashing }));
      expect(error).toMatchObject({ code: 'MISMATCH', detail: { actualDigest: right.digest } });
      expect(count).toBeLessThan(length);
    }
  });

  it('finds every changed byte', async () => {
    const content = Buffer.from('the same length, another byte');
    for (let position = 0; position < content.length; position++) {
      const changed = Buffer.from(content);
      changed[position] = (changed[position] ?? 0) ^ 1;
      const expected = { digest: digestOf(content), size: content.length };
      const { error } = await drain(
        verifying(inPieces(changed, 7), expected, { what: 'blob "x"', code: 'CORRUPT' }),
      );
      expect(error).toMatchObject({ code: 'CORRUPT' });
    }
  });

  it('reads no further than the chunk that is too much, and closes the source', async () => {
    let taken = 0;
    let closed = false;
    async function* endless() {
      try {
        for (;;) {
          taken++;
          yield new Uint8Array(10);
        }
      } finally {
        closed = true;
      }
    }
    const expected = { digest: digestOf(new Uint8Array(25)), size: 25 };
    const { count, error } = await drain(verifying(endless(), expected, options));
    expect(error).toMatchObject({
      message: 'Cannot accept blob "x": it has more than 25 bytes instead of 25',
    });
    expect({ taken, closed, count }).toEqual({ taken: 3, closed: true, count: 10 });
  });

  it('accepts nothing at all as empty content', async () => {
    const expected = { digest: digestOf(new Uint8Array()), size: 0 };
    expect(await collect(verifying(chunks([]), expected, options))).toHaveLength(0);
    expect(await collect(verifying(chunks([new Uint8Array()]), expected, options))).toHaveLength(0);
  });

  it('holds back content whose last chunks are empty', async () => {
    const content = Buffer.from('abc');
    const source = chunks([content, new Uint8Array(), new Uint8Array()]);
    const { count } = await drain(verifying(source, { digest: digestOf(Buffer.from('abd')) }, options));
    expect(count).toBe(0);
  });

  it('passes an error of the source on unchanged', async () => {
    const reason = new Error('broken');
    async function* breaking() {
      yield Buffer.from('a');
      throw reason;
    }
    const { error } = await drain(verifying(breaking(), { digest: digestOf(Buffer.from('a')) }, options));
    expect(error).toBe(reason);
  });
});
