import { StowageError } from '../errors.js';

/** Digest algorithms content can be addressed by. */
export type Algorithm = 'sha256' | 'sha512';

declare const verified: unique symbol;

/**
 * `<algorithm>:<lower-case hex>` of the right length, proven by {@link parseDigest}, the only way to make one. A
 * plain string at run time, so it compares with `===`, keys maps and goes into JSON as it is.
 */
export type Digest = `${Algorithm}:${string}` & { readonly [verified]: true };

const HEX_LENGTH: Readonly<Record<Algorithm, number>> = { sha256: 64, sha512: 128 };
const SHAPE = /^[a-z0-9]+(?:[+._-][a-z0-9]+)*:[a-zA-Z0-9=_-]+$/;

/**
 * Reads a digest (image-spec descriptor.md, "Digests").
 *
 * @throws {StowageError} INVALID if the shape, the length or the alphabet is wrong; UNSUPPORTED if only the
 *   algorithm is one that is not computed here.
 */
export function parseDigest(text: string): Digest {
  const problem = problemOf(text);
  if (problem === undefined) return text as Digest;
  throw new StowageError(problem.code, `Cannot read digest ${JSON.stringify(text)}: ${problem.reason}`, {
    detail: { digest: text },
  });
}

/** Whether `text` is what {@link parseDigest} accepts. */
export function isDigest(text: string): text is Digest {
  return problemOf(text) === undefined;
}

/** The digest whose raw hash value is `hash`. */
export function digestFromHash(algorithm: Algorithm, hash: Uint8Array): Digest {
  return parseDigest(`${algorithm}:${Buffer.from(hash).toString('hex')}`);
}

export function algorithmOf(digest: Digest): Algorithm {
  return digest.slice(0, digest.indexOf(':')) as Algorithm;
}

/** The hexadecimal part. */
export function encodedOf(digest: Digest): string {
  return digest.slice(digest.indexOf(':') + 1);
}

export function isAlgorithm(name: string): name is Algorithm {
  return Object.hasOwn(HEX_LENGTH, name);
}

function problemOf(text: string): { code: 'INVALID' | 'UNSUPPORTED'; reason: string } | undefined {
  const colon = text.indexOf(':');
  if (colon <= 0 || colon === text.length - 1) {
    return { code: 'INVALID', reason: 'invalid checksum digest format, expected <algorithm>:<hex>' };
  }
  const algorithm = text.slice(0, colon);
  if (!isAlgorithm(algorithm)) {
    return SHAPE.test(text)
      ? { code: 'UNSUPPORTED', reason: `unsupported digest algorithm ${JSON.stringify(algorithm)}` }
      : { code: 'INVALID', reason: 'invalid checksum digest format' };
  }
  const encoded = text.slice(colon + 1);
  if (encoded.length !== HEX_LENGTH[algorithm]) {
    return {
      code: 'INVALID',
      reason: `invalid checksum digest length ${encoded.length}, ${algorithm} has ${HEX_LENGTH[algorithm]} digits`,
    };
  }
  if (!/^[a-f0-9]+$/.test(encoded)) {
    return { code: 'INVALID', reason: 'invalid checksum digest format, only lower-case hexadecimal digits' };
  }
  return undefined;
}
