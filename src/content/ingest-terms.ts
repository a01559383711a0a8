/** What the backends say and check alike about ingests (content/ingests.ts). */
import { StowageError } from '../errors.js';
import type { Digest } from '../oci/digest.js';
import type { IngestOptions, IngestStatus } from './ingests.js';

/** Milliseconds an ingest that no lease keeps outlasts its last write (spec 4.6). */
export const INGEST_TTL = 24 * 60 * 60 * 1000;

/** @throws {StowageError} INVALID for an empty reference, a `total` that is no size. */
export function checkIngest(ref: string, { total }: IngestOptions): void {
  if (ref === '') throw new StowageError('INVALID', 'Cannot open an ingest: its reference must not be empty');
  if (total !== undefined && (!Number.isSafeInteger(total) || total < 0)) {
    throw new StowageError('INVALID', `Cannot open ingest ${JSON.stringify(ref)}: its total is ${total}`, {
      detail: { ref, total },
    });
  }
}

/** @throws {StowageError} INVALID if the total is another one than was said before. */
export function checkTotal(ref: string, before: number | undefined, now: number | undefined): void {
  if (before === undefined || now === undefined || before === now) return;
  throw new StowageError(
    'INVALID',
    `Cannot open ingest ${JSON.stringify(ref)}: it was begun for ${before} bytes, not for ${now}`,
    { detail: { ref, total: now, before }, hint: 'abort it to begin again' },
  );
}

export function ingestLocked(ref: string, since: Date): StowageError {
  return new StowageError(
    'BUSY',
    `Cannot open ingest ${JSON.stringify(ref)}: somebody has it open since ${since.toISOString()}`,
    { detail: { ref, since } },
  );
}

export function ingestClosed(ref: string): StowageError {
  return new StowageError('INVALID', `Cannot use ingest ${JSON.stringify(ref)}: it is closed`, {
    detail: { ref },
  });
}

export function ingestAborted(ref: string): StowageError {
  return new StowageError('CONFLICT', `Cannot use ingest ${JSON.stringify(ref)}: it was aborted`, {
    detail: { ref },
  });
}

export function contentExists(digest: Digest): StowageError {
  return new StowageError('ALREADY_EXISTS', `content ${JSON.stringify(digest)}: already exists`, {
    detail: { digest },
  });
}

/** @throws {StowageError} MISMATCH if the ingest does not have as many bytes as it must. */
export function checkSize(
  { ref, offset }: Pick<IngestStatus, 'ref' | 'offset'>,
  expected: number | undefined,
): void {
  if (expected === undefined || expected === offset) return;
  throw new StowageError(
    'MISMATCH',
    `Cannot commit ingest ${JSON.stringify(ref)}: it has ${offset} bytes instead of ${expected}`,
    { detail: { ref, expectedSize: expected, actualSize: offset } },
  );
}

/** @throws {StowageError} MISMATCH if the content of the ingest does not have the digest it must have. */
export function checkDigest(ref: string, actual: Digest, expected: Digest | undefined): void {
  if (expected === undefined || expected === actual) return;
  throw new StowageError(
    'MISMATCH',
    `Cannot commit ingest ${JSON.stringify(ref)}: its content has the digest ${actual} instead of ${expected}`,
    { detail: { ref, digest: expected, actualDigest: actual } },
  );
}
