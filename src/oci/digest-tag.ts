import { algorithmOf, encodedOf, isDigest, type Digest } from './digest.js';

/**
 * What hangs on an image by a tag made of its digest: `''` is the list of referrers that stands in for the referrers
 * API (distribution-spec, "Referrers Tag Schema"), the others are what cosign attaches.
 */
export type DigestTagSuffix = '' | '.sig' | '.att' | '.sbom';

export const DIGEST_TAG_SUFFIXES: readonly DigestTagSuffix[] = ['', '.sig', '.att', '.sbom'];

export interface DigestTag {
  readonly subject: Digest;
  readonly suffix: DigestTagSuffix;
}

const PATTERN = /^(sha256|sha512)-([0-9a-f]+)(|\.sig|\.att|\.sbom)$/;

/** Reads `sha256-<hex>` and `sha256-<hex>.sig`; undefined for any other tag. */
export function parseDigestTag(tag: string): DigestTag | undefined {
  const match = PATTERN.exec(tag);
  if (match === null) return undefined;
  const [, algorithm, encoded, suffix] = match;
  const subject = `${algorithm}:${encoded}`;
  return isDigest(subject) ? { subject, suffix: suffix as DigestTagSuffix } : undefined;
}

/** The tag under which something hangs on `subject`: `sha256-<hex>.sig`. */
export function digestTag({ subject, suffix }: DigestTag): string {
  return `${algorithmOf(subject)}-${encodedOf(subject)}${suffix}`;
}
