import { ERROR_TABLE, errnoOf, fromSystemError, isStowageError, type StowageError } from '../errors.js';

/** Exit statuses that no error code stands for; the others are the `exit` column of the error table. */
export const EXIT = { ok: 0, unexpected: 1, unsound: 1, closedPipe: 141 } as const;

/** The reason a command is aborted with when a signal asks for it. */
export class Interrupted extends Error {
  readonly signal: 'SIGINT' | 'SIGTERM';
  /** 128 plus the number of the signal, as shells have it. */
  readonly exitCode: number;

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(signal === 'SIGINT' ? 'interrupted' : 'terminated');
    this.signal = signal;
    this.exitCode = signal === 'SIGINT' ? 130 : 143;
  }
}

/**
 * One wish to end may come as several signals: `timeout` sends its own to the process and to the group it is in, a
 * terminal to the command and to the `npx` that passes it on. They come within so many seconds.
 */
const SAME_WISH = 0.5;

/**
 * The one signal every command obeys. The first SIGINT or SIGTERM aborts it, so that temporaries are removed and
 * resumable writes kept; a further wish, {@link SAME_WISH} later or more, ends the process at once.
 */
export function abortOnSignals(): AbortSignal {
  const controller = new AbortController();
  let asked = Infinity;
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      const reason = new Interrupted(name);
      // Nobody has to load a clock for that of the process.
      if (process.uptime() - asked >= SAME_WISH) process.exit(reason.exitCode);
      asked = Math.min(asked, process.uptime());
      controller.abort(reason);
    });
  }
  return controller.signal;
}

/** Whether a pipe was written to that nobody reads any more: its reader has all it wanted, which is no failure. */
export function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && (errnoOf(error) === 'EPIPE' || isClosedPipe(error.cause));
}

/** A failure as it is told: what is not ours and not the system's is a defect, and says so. */
export interface Failure {
  readonly code: StowageError['code'] | 'INTERRUPTED' | 'INTERNAL';
  readonly message: string;
  readonly hint: string | undefined;
  readonly detail: Readonly<Record<string, unknown>>;
  readonly exitCode: number;
}

export function describeFailure(thrown: unknown): Failure {
  if (thrown instanceof Interrupted) {
    const { message, exitCode, signal } = thrown;
    return { code: 'INTERRUPTED', message, hint: undefined, detail: { signal }, exitCode };
  }
  const error = fromSystemError(thrown, 'The system refused');
  if (isStowageError(error)) {
    const { code, message, hint, detail } = error;
    return { code, message, hint, detail, exitCode: ERROR_TABLE[code].exit };
  }
  return {
    code: 'INTERNAL',
    message: `Unexpected failure: ${error instanceof Error ? error.message : String(error)}`,
    hint: 'this is a defect in stowage; with --debug it says where',
    detail: {},
    exitCode: EXIT.unexpected,
  };
}
