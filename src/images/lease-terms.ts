import { randomUUID } from 'node:crypto';
import { StowageError } from '../errors.js';
import { checkLabels, mergeLabels } from '../content/labels.js';
import type { LeaseInfo, LeaseOptions } from './store.js';

/** Milliseconds a lease lasts unless told otherwise: 24 hours, as containerd's clients have it. */
export const DEFAULT_LEASE_TTL = 24 * 60 * 60 * 1000;

/**
 * What a lease made with these options says, with every default filled in.
 *
 * @throws {StowageError} INVALID for an empty identifier, a `ttl` that is not positive, a label that is too long.
 */
export function leaseTerms(options: LeaseOptions, now: Date): LeaseInfo {
  const { id = randomUUID(), labels = {}, ttl = DEFAULT_LEASE_TTL } = options;
  if (id === '') throw new StowageError('INVALID', 'Cannot create a lease: its identifier must not be empty');
  if (!(ttl > 0)) {
    throw new StowageError('INVALID', `Cannot create lease ${JSON.stringify(id)}: its ttl is ${ttl}`, {
      detail: { lease: id, ttl },
      hint: 'give a positive number of milliseconds, or Infinity',
    });
  }
  checkLabels(labels, `lease ${JSON.stringify(id)}`);
  const expiresAt = ttl === Infinity ? undefined : new Date(now.getTime() + ttl);
  return { id, labels: mergeLabels({}, labels), createdAt: now, expiresAt };
}

/** The error for work under a lease that has ended; its content would not be held. */
export function leaseNotFound(id: string): StowageError {
  return new StowageError('NOT_FOUND', `lease ${JSON.stringify(id)}: not found`, { detail: { lease: id } });
}
