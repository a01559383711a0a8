import { StowageError } from '../../errors.js';
import type { ErrorCode, StowageErrorOptions } from '../../errors.js';
import { quote } from './text.js';

/** What a message has to name: the archive if it has a name, the byte position, the entry once it is known. */
export interface Place {
  readonly archive: string | undefined;
  readonly offset: number;
  readonly entry?: string | undefined;
}

/** A failure at one header: `what` completes "header at byte N …". */
export function headerError(
  code: ErrorCode,
  place: Place,
  what: string,
  options?: StowageErrorOptions,
): StowageError {
  const entry = place.entry === undefined ? '' : ` of entry ${quote(place.entry)}`;
  return archiveError(code, place, `the header${entry} at byte ${place.offset} ${what}`, options);
}

/** A failure of the archive as a whole. `detail` gets the position, and the entry where one is known. */
export function archiveError(
  code: ErrorCode,
  place: Place,
  what: string,
  options: StowageErrorOptions = {},
): StowageError {
  const subject = place.archive === undefined ? 'tar archive' : `tar archive ${quote(place.archive)}`;
  const entry = place.entry === undefined ? {} : { entry: place.entry };
  return new StowageError(code, `Cannot read ${subject}: ${what}`, {
    ...options,
    detail: { offset: place.offset, ...entry, ...options.detail },
  });
}

/** The archive ends too early; `detail.truncated` is true. `inside` completes "it ends at byte N, inside …". */
export function truncationError(place: Place, inside: string): StowageError {
  return archiveError('INVALID', place, `it is cut off: it ends at byte ${place.offset}, ${inside}`, {
    detail: { truncated: true },
    hint: 'copy or download the archive again; what wrote it may have failed half-way',
  });
}
