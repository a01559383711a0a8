import { StowageError } from '../errors.js';
import { algorithmOf, type Digest } from '../oci/digest.js';
import type { Bytes } from './byte-source.js';
import { createHasher, type Hasher } from './hash.js';
import type { HashThread, ThreadHasher } from './hash-thread.js';

/** Chunks that may be with another thread, so that it need not wait for the next. */
const LENT = 3;

/** What content was announced to be. Without `size` only the digest is checked. */
export interface Expected {
  readonly digest: Digest;
  /** In bytes. */
  readonly size?: number | undefined;
}

export interface VerifyOptions {
  /** What is read, as it stands in a message: `blob "sha256:…" of "x.tar"`. */
  readonly what: string;
  /** CORRUPT for content of a store of our own, MISMATCH for any other. */
  readonly code: 'MISMATCH' | 'CORRUPT';
  /** What to do about it. */
  readonly hint?: string;
  /**
   * Hashes in another thread where it has one free. The buffers of the chunks are lent to it, so nobody else may use them.
   * @default this thread hashes
   */
  readonly hashing?: Pick<HashThread, 'take'> | undefined;
}

/**
 * Passes bytes through and proves them: they are hashed and counted on the way, and the last chunk is handed out
 * only when digest and size are as announced. So whoever writes what comes out never writes a whole wrong blob.
 * Reads no further than the chunk that exceeds the announced size. Empty chunks are dropped; chunks are passed on,
 * not copied. Where another thread hashes, none is handed out before it was hashed.
 *
 * Iteration rejects with `options.code` if digest or size differ; `detail` has what was expected and what came.
 */
export async function* verifying(source: Bytes, expected: Expected, options: VerifyOptions): Bytes {
  const algorithm = algorithmOf(expected.digest);
  const elsewhere = await options.hashing?.take(algorithm);
  try {
    const hasher = elsewhere ?? createHasher(algorithm);
    let count = 0;
    const held: (Uint8Array | Promise<Uint8Array>)[] = [];
    const most = elsewhere === undefined ? 1 : LENT;
    for await (const chunk of source) {
      if (chunk.byteLength === 0) continue;
      count += chunk.byteLength;
      if (expected.size !== undefined && count > expected.size) {
        throw wrongSize(expected, options, { atLeast: count });
      }
      held.push(hashed(chunk, hasher));
      if (held.length > most) yield await held.shift()!;
    }
    if (expected.size !== undefined && count < expected.size) {
      throw wrongSize(expected, options, { actual: count });
    }
    const actual = await hasher.digest();
    if (actual !== expected.digest) throw wrongDigest(expected, options, actual);
    for (const chunk of held) yield await chunk;
  } finally {
    elsewhere?.close();
  }
}

/** The same chunk, when that is not on its way through another thread any more. */
function hashed(chunk: Uint8Array, hasher: Hasher | ThreadHasher): Uint8Array | Promise<Uint8Array> {
  if ('lend' in hasher) return hasher.lend(chunk);
  hasher.update(chunk);
  return chunk;
}

/** The error for content whose size is not the one announced; for those who count by themselves. */
export function wrongSize(
  expected: Expected,
  { what, code, hint }: VerifyOptions,
  found: { readonly actual: number } | { readonly atLeast: number },
): StowageError {
  const count = 'actual' in found ? `${found.actual}` : `more than ${expected.size}`;
  return new StowageError(code, `Cannot accept ${what}: it has ${count} bytes instead of ${expected.size}`, {
    detail: { digest: expected.digest, expectedSize: expected.size, ...sizes(found) },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The error for content whose digest is not the one announced; for those who hash by themselves. */
export function wrongDigest(
  expected: Expected,
  { what, code, hint }: VerifyOptions,
  actual: Digest,
): StowageError {
  return new StowageError(code, `Cannot accept ${what}: its content has the digest ${actual}`, {
    detail: { digest: expected.digest, actualDigest: actual },
    ...(hint === undefined ? {} : { hint }),
  });
}

function sizes(found: { readonly actual: number } | { readonly atLeast: number }) {
  return 'actual' in found ? { actualSize: found.actual } : { actualSizeAtLeast: found.atLeast };
}
