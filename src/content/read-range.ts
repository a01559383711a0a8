import { StowageError } from '../errors.js';
import type { Digest } from '../oci/digest.js';
import type { ReadOptions } from './store.js';

/**
 * Where a read of a blob of `size` bytes starts and ends. What reaches past the end is cut there.
 *
 * @throws {StowageError} INVALID if offset or length is not a whole number from 0.
 */
export function rangeOf(range: ReadOptions['range'], size: number): { start: number; end: number } {
  const { offset = 0, length = size } = range ?? {};
  for (const [name, value] of Object.entries({ offset, length })) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new StowageError('INVALID', `Cannot read part of a blob: its ${name} is ${value}`, {
        detail: { offset, length },
      });
    }
  }
  const start = Math.min(offset, size);
  return { start, end: Math.min(size, start + length) };
}

/** The error for a blob that is not held. */
export function blobNotFound(digest: Digest): StowageError {
  return new StowageError('NOT_FOUND', `blob ${JSON.stringify(digest)}: not found`, { detail: { digest } });
}
