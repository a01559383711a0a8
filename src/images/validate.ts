import { StowageError } from '../errors.js';
import { isDigest } from '../oci/digest.js';
import type { Descriptor } from '../oci/descriptor.js';

/** Longest identifier of a namespace, in characters. */
export const IDENTIFIER_LIMIT = 76;

const IDENTIFIER = /^[A-Za-z0-9]+(?:[._-][A-Za-z0-9]+)*$/;

/**
 * Checks the identifier of a namespace (spec 5.5).
 *
 * @throws {StowageError} INVALID
 */
export function checkNamespace(name: string): void {
  const fail = (reason: string) =>
    new StowageError('INVALID', `Cannot use namespace ${JSON.stringify(name)}: ${reason}`, {
      detail: { namespace: name },
      hint: 'use letters and digits, with single ".", "_" or "-" between them',
    });
  if (name === '') throw fail('an identifier must not be empty');
  if (name.length > IDENTIFIER_LIMIT) {
    throw fail(`an identifier has at most ${IDENTIFIER_LIMIT} characters`);
  }
  if (!IDENTIFIER.test(name)) throw fail(`an identifier must match ${IDENTIFIER.source}`);
}

/**
 * Checks what an image record may say (spec 5.3). Whether the target is held does not matter here.
 *
 * @throws {StowageError} INVALID; `detail.name` is the name.
 */
export function checkImage(name: string, target: Descriptor | undefined): void {
  const fail = (reason: string) =>
    new StowageError('INVALID', `Cannot record image ${JSON.stringify(name)}: ${reason}`, {
      detail: { name },
    });
  if (name === '') throw fail('image name must not be empty');
  if (target === undefined) return;
  if (!isDigest(target.digest)) throw fail(`target.digest ${JSON.stringify(target.digest)} is invalid`);
  if (!Number.isSafeInteger(target.size) || target.size <= 0) {
    throw fail('target.size must be greater than zero');
  }
  if (target.mediaType === '') throw fail('target.mediaType must be set');
}
