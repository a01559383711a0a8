import { describe, expect, it } from 'vitest';
import { DIGEST_TAG_SUFFIXES, digestTag, parseDigestTag } from './digest-tag.js';
import { parseDigest } from './digest.js';

const hex = 'ab'.repeat(32);

describe('parseDigestTag()', () => {
  it.each(DIGEST_TAG_SUFFIXES)('reads what digestTag() writes, with the suffix %j', (suffix) => {
    const tag = { subject: parseDigest(`sha256:${hex}`), suffix };
    expect(digestTag(tag)).toBe(`sha256-${hex}${suffix}`);
    expect(parseDigestTag(digestTag(tag))).toEqual(tag);
  });

  it('reads sha512 as well', () => {
    expect(parseDigestTag(`sha512-${hex}${hex}`)?.subject).toBe(`sha512:${hex}${hex}`);
  });

  it.each([
    'latest',
    `sha256-${hex.slice(1)}`,
    `sha256-${hex.toUpperCase()}`,
    `sha256-${hex}.spdx`,
    `sha256:${hex}`,
    `sha512-${hex}`,
    `x-sha256-${hex}`,
    '',
  ])('takes %j for an ordinary tag', (tag) => {
    expect(parseDigestTag(tag)).toBeUndefined();
  });
});
