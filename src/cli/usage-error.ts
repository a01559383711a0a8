import { StowageError } from '../errors.js';

/** A command line that cannot be run as it stands; `command` is the one whose help explains it. */
export function usageError(message: string, command: readonly string[] = []): StowageError {
  return new StowageError('INVALID', message, {
    hint: `see ${['stowage', ...command, '--help'].join(' ')}`,
    detail: { usage: true },
  });
}
