import { isStowageError, StowageError } from '../errors.js';
import { checkLabels, mergeLabels } from '../content/labels.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { ImageChange, ImageRecord } from './store.js';
import { checkImage } from './validate.js';

/**
 * What one change makes of a record: the new one, or undefined where it deletes. Pure, so that every backend means
 * the same by a change; `current` is the record the name has now and `now` becomes `updatedAt` (spec 5.2, A.7).
 *
 * @throws {StowageError} as {@link ImageStore.apply} says
 */
export function changeRecord(
  current: ImageRecord | undefined,
  change: ImageChange,
  now: Date,
): ImageRecord | undefined {
  const { name } = change;
  checkImage(name, change.op === 'delete' ? undefined : change.target);
  if (change.op !== 'delete') checkLabels(change.labels ?? {}, `image ${JSON.stringify(name)}`);
  if (change.op === 'create') {
    if (current !== undefined) throw taken(current);
    const labels = mergeLabels({}, change.labels ?? {});
    return { name, target: recordedTarget(change.target), labels, createdAt: now, updatedAt: now };
  }
  if (current === undefined) throw imageNotFound(name);
  if (change.ifTarget !== undefined && change.ifTarget !== current.target.digest) {
    throw new StowageError(
      'CONFLICT',
      `Cannot ${change.op} image ${JSON.stringify(name)}: it has target ${current.target.digest}, not ${change.ifTarget}`,
      { detail: { name, target: current.target.digest, expected: change.ifTarget } },
    );
  }
  if (change.op === 'delete') return undefined;
  return {
    name,
    target: change.target === undefined ? current.target : recordedTarget(change.target),
    labels: mergeLabels(change.replaceLabels ? {} : current.labels, change.labels ?? {}),
    createdAt: current.createdAt,
    updatedAt: now,
  };
}

/** The part of a descriptor a record keeps (spec 5.1). */
export function recordedTarget({ mediaType, digest, size, annotations }: Descriptor): Descriptor {
  const named = annotations !== undefined && Object.keys(annotations).length > 0;
  return { mediaType, digest, size, ...(named ? { annotations: { ...annotations } } : {}) };
}

/** The error for a name that no record has. */
export function imageNotFound(name: string, hint?: string): StowageError {
  return new StowageError('NOT_FOUND', `image ${JSON.stringify(name)}: not found`, {
    detail: { name },
    ...(hint === undefined ? {} : { hint }),
  });
}

/** Whether a change failed because somebody else created, moved or deleted the name since it was read. */
export function isOvertaken(error: unknown): boolean {
  // What is not about a name, such as a lease that has ended, is no better the next time.
  return isStowageError(error) && OVERTAKEN.has(error.code) && 'name' in error.detail;
}

const OVERTAKEN: ReadonlySet<string> = new Set(['ALREADY_EXISTS', 'CONFLICT', 'NOT_FOUND']);

function taken({ name, target }: ImageRecord): StowageError {
  return new StowageError('ALREADY_EXISTS', `image ${JSON.stringify(name)}: already exists`, {
    detail: { name, target: target.digest },
  });
}
