import { randomUUID } from 'node:crypto';
import { StowageError } from '../errors.js';
import { checkLabels, mergeLabels } from '../content/labels.js';
import { isDigest } from '../oci/digest.js';
import type { LeaseResource } from './collection.js';
import { expiryOf, GC_EXPIRE } from './gc-labels.js';
import type { LeaseInfo, LeaseOptions } from './store.js';

/** Milliseconds a lease lasts unless told otherwise: 24 hours, as containerd's clients have it. */
export const DEFAULT_LEASE_TTL = 24 * 60 * 60 * 1000;

const MAX_DATE = 8.64e15;

/**
 * What a lease made with these options says, with every default filled in. When it expires is said once: a label that
 * says so is read and left out.
 *
 * @throws {StowageError} INVALID for an empty identifier, a `ttl` that is not positive, a label that is too long.
 */
export function leaseTerms(options: LeaseOptions, now: Date): LeaseInfo {
  const { id = randomUUID(), labels = {} } = options;
  const labelled = expiryOf(labels);
  const ttl = options.ttl ?? DEFAULT_LEASE_TTL;
  if (id === '') throw new StowageError('INVALID', 'Cannot create a lease: its identifier must not be empty');
  if (!(ttl > 0)) {
    throw new StowageError('INVALID', `Cannot create lease ${JSON.stringify(id)}: its ttl is ${ttl}`, {
      detail: { lease: id, ttl },
      hint: 'give a positive number of milliseconds, or Infinity',
    });
  }
  checkLabels(labels, `lease ${JSON.stringify(id)}`);
  const kept = mergeLabels(labels, labelled === undefined ? {} : { [GC_EXPIRE]: null });
  const expiresAt = options.ttl === undefined && labelled !== undefined ? labelled : expiry(ttl, now);
  return { id, labels: kept, createdAt: now, expiresAt };
}

function expiry(ttl: number, now: Date): Date | undefined {
  if (ttl === Infinity) return undefined;
  // A date further away is none that JavaScript can say.
  return new Date(Math.min(now.getTime() + Math.ceil(ttl), MAX_DATE));
}

/** The error for work under a lease that has ended; its content would not be held. */
export function leaseNotFound(id: string): StowageError {
  return new StowageError('NOT_FOUND', `lease ${JSON.stringify(id)}: not found`, { detail: { lease: id } });
}

/** The error for an identifier that is taken. */
export function leaseExists(id: string): StowageError {
  return new StowageError('ALREADY_EXISTS', `lease ${JSON.stringify(id)}: already exists`, {
    detail: { lease: id },
  });
}

/** The types of what a lease can keep, in the order they are listed. */
const RESOURCE_TYPES: readonly string[] = ['content', 'images', 'ingests'] satisfies LeaseResource['type'][];

/** @throws {StowageError} INVALID if it is nothing a lease can keep (spec 6.1). */
export function checkResource(lease: string, { type, id }: LeaseResource): void {
  const fail = (reason: string) =>
    new StowageError(
      'INVALID',
      `Cannot use lease ${JSON.stringify(lease)} for ${JSON.stringify(id)}: ${reason}`,
      {
        detail: { lease, type, id },
      },
    );
  if (!RESOURCE_TYPES.includes(type)) {
    throw fail(`${JSON.stringify(type)} is no type of resource; ${RESOURCE_TYPES.join(', ')} are`);
  }
  if (id === '') throw fail('its identifier must not be empty');
  if (type === 'content' && !isDigest(id)) throw fail('content is named by its digest');
}
