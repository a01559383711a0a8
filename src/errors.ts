/**
 * The one error class of the project, its closed set of codes, and the one table that translates a code for every
 * edge: system calls, gRPC, HTTP and exit status. Adding a code means filling in every column.
 */

/** What went wrong, as far as a caller may want to act on it. */
export type ErrorCode =
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'CONFLICT'
  | 'INVALID'
  | 'MISMATCH'
  | 'LIMIT_EXCEEDED'
  | 'BUSY'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'NO_SPACE'
  | 'UNSUPPORTED'
  | 'UNAVAILABLE'
  | 'CORRUPT';

/** How one code looks on the other side of each edge. */
export interface ErrorTranslation {
  /** What the code means to somebody who catches it. */
  readonly meaning: string;
  /** System-call errors that mean the same. */
  readonly errno: readonly string[];
  /** gRPC status name. */
  readonly grpc: string;
  /** HTTP status and, where the distribution specification has one, its error code. */
  readonly http: readonly [status: number, code?: string];
  /** Exit status of the command. */
  readonly exit: number;
}

export const ERROR_TABLE: Readonly<Record<ErrorCode, ErrorTranslation>> = {
  NOT_FOUND: {
    meaning: 'the blob, image, lease or file is not there',
    errno: ['ENOENT'],
    grpc: 'NotFound',
    http: [404, 'BLOB_UNKNOWN'],
    exit: 3,
  },
  ALREADY_EXISTS: {
    meaning: 'the name is taken and was not to be moved',
    errno: ['EEXIST'],
    grpc: 'AlreadyExists',
    http: [409],
    exit: 1,
  },
  CONFLICT: {
    meaning: 'the record is not in the state that the change expected',
    errno: [],
    grpc: 'FailedPrecondition',
    http: [409],
    exit: 1,
  },
  INVALID: {
    meaning: 'an argument, a document or an archive breaks its grammar or its specification',
    errno: ['EINVAL', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'ELOOP'],
    grpc: 'InvalidArgument',
    http: [400, 'MANIFEST_INVALID'],
    exit: 2,
  },
  MISMATCH: {
    meaning: 'content does not have the digest or the size it was announced with',
    errno: [],
    grpc: 'FailedPrecondition',
    http: [400, 'DIGEST_INVALID'],
    exit: 1,
  },
  LIMIT_EXCEEDED: {
    meaning: 'input is larger, deeper or more numerous than is accepted',
    errno: ['EFBIG', 'EMFILE', 'ENFILE'],
    grpc: 'ResourceExhausted',
    http: [413],
    exit: 1,
  },
  BUSY: {
    meaning: 'somebody else holds it; the same call may succeed later',
    errno: ['EBUSY', 'EAGAIN', 'ETXTBSY'],
    grpc: 'Unavailable',
    http: [503],
    exit: 1,
  },
  UNAUTHORIZED: {
    meaning: 'credentials are missing or wrong',
    errno: [],
    grpc: 'Unauthenticated',
    http: [401, 'UNAUTHORIZED'],
    exit: 4,
  },
  DENIED: {
    meaning: 'the caller is known and may not do this',
    errno: ['EACCES', 'EPERM', 'EROFS'],
    grpc: 'PermissionDenied',
    http: [403, 'DENIED'],
    exit: 4,
  },
  NO_SPACE: {
    meaning: 'the disk or the quota is full',
    errno: ['ENOSPC', 'EDQUOT'],
    grpc: 'ResourceExhausted',
    http: [507],
    exit: 1,
  },
  UNSUPPORTED: {
    meaning: 'valid, but not something this place or this version does',
    errno: ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'],
    grpc: 'Unimplemented',
    http: [405, 'UNSUPPORTED'],
    exit: 2,
  },
  UNAVAILABLE: {
    meaning: 'the other side cannot be reached or fails; the same call may succeed later',
    errno: ['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENOTFOUND', 'EPIPE'],
    grpc: 'Unavailable',
    http: [503],
    exit: 1,
  },
  CORRUPT: {
    meaning: 'the store itself holds something other than what it recorded',
    errno: ['EIO', 'EBADMSG'],
    grpc: 'DataLoss',
    http: [500],
    exit: 5,
  },
};

export interface StowageErrorOptions {
  /** Facts for programs: the digest, name, path or sizes the message speaks of. */
  readonly detail?: Readonly<Record<string, unknown>>;
  /** What to do about it, one sentence without a full stop. */
  readonly hint?: string;
  readonly cause?: unknown;
}

const brand = Symbol.for('stowage.error');

/**
 * Every failure this library reports on its own account. `message` is one line: what was attempted, on what (quoted),
 * and what is wrong; `hint` says what to do. Recognise it with {@link isStowageError}, which also works when two
 * copies of the package are loaded.
 */
export class StowageError extends Error {
  override readonly name = 'StowageError';
  readonly code: ErrorCode;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: StowageErrorOptions = {}) {
    super(shown(message), options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail ?? {};
    this.hint = options.hint === undefined ? undefined : shown(options.hint);
    Object.defineProperty(this, brand, { value: true });
  }
}

/**
 * Without the characters that a terminal obeys: controls, line separators, changes of writing direction. Messages
 * quote what an archive or a registry said, and quoting leaves most of them as they are.
 */
function shown(text: string): string {
  return text.replace(/[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** Whether `error` is a {@link StowageError}, of the given code where one is given. */
export function isStowageError(error: unknown, code?: ErrorCode): error is StowageError {
  return (
    error instanceof Error &&
    (error as { [brand]?: unknown })[brand] === true &&
    (code === undefined || (error as StowageError).code === code)
  );
}

const codeOfErrno: ReadonlyMap<string, ErrorCode> = new Map(
  (Object.keys(ERROR_TABLE) as ErrorCode[]).flatMap((code) =>
    ERROR_TABLE[code].errno.map((errno): [string, ErrorCode] => [errno, code]),
  ),
);

/** The errno name (`ENOENT`) a Node system error carries, or undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || isStowageError(error)) return undefined;
  const code = (error as NodeJS.ErrnoException).code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** The path a system error is about, where it says so. */
export function pathOf(error: unknown): string | undefined {
  const path = errnoOf(error) === undefined ? undefined : (error as NodeJS.ErrnoException).path;
  return typeof path === 'string' ? path : undefined;
}

/**
 * A system error as a StowageError: `attempt` says what was tried ("Cannot read \"x.tar\""), the errno supplies code
 * and reason. Anything that is not a system error comes back unchanged, so that nothing is relabelled.
 */
export function fromSystemError(error: unknown, attempt: string, options: StowageErrorOptions = {}): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  return new StowageError(codeOfErrno.get(errno) ?? 'UNAVAILABLE', `${attempt}: ${reasonOf(errno)}`, {
    cause: error,
    ...options,
    detail: { errno, ...options.detail },
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EEXIST: 'it already exists',
  EISDIR: 'it is a directory',
  ENOTDIR: 'a part of its path is not a directory',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EIO: 'the disk reports an input/output error',
  EMFILE: 'too many open files',
  ENFILE: 'too many open files on this machine',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the name is too long',
  EFBIG: 'the file would become too large',
};

function reasonOf(errno: string): string {
  return REASONS[errno] ?? errno;
}
