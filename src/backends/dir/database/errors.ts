import { StowageError, type ErrorCode } from '../../../errors.js';

const BUSY = 5;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;

/** The index of the log cannot be made longer: other than for its other files SQLite does not look why. */
const SHARED_MEMORY_SIZE = 10 + 19 * 256;

/** The primary result codes of SQLite that say something a caller may act on (sqlite.org/rescode.html). */
const MEANINGS: Readonly<Record<number, readonly [code: ErrorCode, reason: string]>> = {
  3: ['DENIED', 'permission denied'],
  [BUSY]: ['BUSY', 'other processes kept it locked'],
  8: ['DENIED', 'it is read-only'],
  10: ['CORRUPT', 'the disk reports an input/output error'],
  [CORRUPT]: ['CORRUPT', 'the database is damaged'],
  [FULL]: ['NO_SPACE', 'no space left on the disk'],
  14: ['UNAVAILABLE', 'its file cannot be opened'],
  23: ['DENIED', 'permission denied'],
  [NOT_A_DATABASE]: ['CORRUPT', 'its file is not a database'],
};

/** What no other try and no other disk will make better. */
const DAMAGED = new Set([MEANINGS[CORRUPT]?.[1], MEANINGS[NOT_A_DATABASE]?.[1]]);

/** Whether SQLite gave up because somebody else holds a lock. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === BUSY;
}

/**
 * An error of SQLite as a StowageError; `attempt` says what was tried. What does not come from SQLite, or tells of a
 * mistake in this code, comes back unchanged.
 */
export function fromSqliteError(error: unknown, attempt: string): unknown {
  const code = resultCode(error);
  const meaning = code === undefined ? undefined : MEANINGS[primaryCodeOf(error, code)];
  if (meaning === undefined) return error;
  return new StowageError(meaning[0], `${attempt}: ${meaning[1]}`, {
    cause: error,
    detail: { sqlite: code },
    ...(DAMAGED.has(meaning[1]) && {
      hint: 'stowage fsck --repair makes a new one from index.json and the blobs',
    }),
  });
}

function primaryCodeOf(error: unknown, code: number): number {
  if (isMalformed(error)) return CORRUPT;
  return (error as { errcode?: unknown }).errcode === SHARED_MEMORY_SIZE ? FULL : code;
}

/** For damage to the head of the file SQLite has no code of its own. */
function isMalformed(error: unknown): boolean {
  return error instanceof Error && /^(unsupported file format|malformed database schema)/.test(error.message);
}

/** The low byte is the primary code, whatever the extended one adds. */
function resultCode(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === 'number' ? errcode % 256 : undefined;
}
