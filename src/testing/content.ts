import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { Target } from '../content/store.js';
import { isStowageError, type ErrorCode } from '../errors.js';
import type { Bytes } from '../io/byte-source.js';
import { digestOf } from '../io/hash.js';
import type { Algorithm } from '../oci/digest.js';

/** Bytes that look random and are the same for the same seed everywhere. */
export function bytesOf(seed: number, length: number): Uint8Array {
  const bytes = Buffer.alloc(length);
  let state = (seed * 2654435761 + 1) >>> 0;
  for (let position = 0; position < length; position++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[position] = state >>> 24;
  }
  return bytes;
}

/** Digest and size of bytes, as a store is told them. */
export function targetOf(bytes: Uint8Array, algorithm: Algorithm = 'sha256'): Required<Target> {
  return {
    mediaType: 'application/octet-stream',
    digest: digestOf(bytes, algorithm),
    size: bytes.byteLength,
  };
}

/** The bytes in pieces of `length`. */
export async function* inPieces(bytes: Uint8Array, length: number): Bytes {
  for (let start = 0; start < bytes.byteLength; start += length) yield bytes.subarray(start, start + length);
}

export async function collect(source: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function listOf<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of source) items.push(item);
  return items;
}

/** Asserts that `attempt` rejects with an error of that code, and answers it. */
export async function rejectsWith(code: ErrorCode, attempt: Promise<unknown>) {
  const error = await failureOf(attempt);
  assert.ok(isStowageError(error, code), `expected ${code}, got ${String(error)}`);
  return error;
}

/** What `attempt` rejects with; fails if it does not. */
export async function failureOf(attempt: Promise<unknown>): Promise<unknown> {
  let result: unknown;
  try {
    result = await attempt;
  } catch (error) {
    return error;
  }
  throw new assert.AssertionError({ message: `expected a rejection, got ${JSON.stringify(result)}` });
}

/** Resolves once the clock shows a later millisecond than `moment`. */
export async function laterThan(moment: Date): Promise<void> {
  while (Date.now() <= moment.getTime()) await delay(1);
}
