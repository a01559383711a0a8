import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { describeTable } from '../../test/tables.js';
import type { StowageError } from '../errors.js';
import { algorithmOf, digestFromHash, encodedOf, isAlgorithm, isDigest, parseDigest } from './digest.js';

const CODES: Record<string, string> = {
  'digest.ErrDigestInvalidFormat': 'INVALID',
  'digest.ErrDigestInvalidLength': 'INVALID',
  'digest.ErrDigestUnsupported': 'UNSUPPORTED',
};

describeTable('digest.json', {
  groups: {
    TestParseDigest: ({ Input, Algorithm, Encoded, Err }) => {
      if (Err !== undefined) {
        expect(codeOf(() => parseDigest(Input))).toBe(CODES[Err.error]);
        expect(isDigest(Input)).toBe(false);
        return;
      }
      const digest = parseDigest(Input);
      expect([algorithmOf(digest), encodedOf(digest)]).toEqual([Algorithm, Encoded]);
    },
    TestVerifierUnsupportedDigest: ({ Digest }) => expect(() => parseDigest(Digest)).toThrow('Cannot read'),
    TestFlagInterface: ({ Args, Expected, Err }) =>
      expect(isAlgorithm(Expected ?? Args[1])).toBe(Err === undefined),
    'gcr NewHash good': ({ input }) => expect(parseDigest(input)).toBe(input),
    'gcr NewHash bad': ({ input }) => expect(() => parseDigest(input)).toThrow('Cannot read digest'),
    TestLookup: ({ digest }) => expect(isDigest(digest)).toBe(true),
  },
  decidedAgainst: {
    'TestParseDigest[1]': 'sha384 is unsupported here: image-spec registers sha256 and sha512 only',
    'regclient DigestAlgorithm':
      'a digest that is not valid is refused, it does not fall back to an algorithm',
  },
});

describe('parseDigest', () => {
  it('gives back every digest that was made from a hash', () => {
    fc.assert(
      fc.property(
        fc.uint8Array(),
        fc.constantFrom('sha256' as const, 'sha512' as const),
        (content, algorithm) => {
          const hash = createHash(algorithm).update(content).digest();
          const digest = digestFromHash(algorithm, hash);
          expect(parseDigest(digest)).toBe(digest);
          expect(algorithmOf(digest)).toBe(algorithm);
          expect(Buffer.from(encodedOf(digest), 'hex')).toEqual(hash);
        },
      ),
    );
  });

  it('refuses a digest with any one character changed to something else', () => {
    const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;
    const at = fc.nat(digest.length - 1);
    const wrong = fc.constantFrom('G', ':', ' ', '\n', '/', 'A', '\0');
    fc.assert(
      fc.property(at, wrong, (index, character) => {
        fc.pre(digest[index] !== character);
        expect(isDigest(digest.slice(0, index) + character + digest.slice(index + 1))).toBe(false);
      }),
    );
  });

  it('names the text and the reason on one line', () => {
    expect(() => parseDigest('sha256:ab\n')).toThrow(/^Cannot read digest "sha256:ab\\n": .*length 3.*$/);
  });
});

function codeOf(action: () => unknown): string | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as StowageError).code;
  }
}
