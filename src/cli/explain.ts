/** What the command-line parser complains about, in our words. */
import {
  AliasNotFoundError,
  ArgumentParseError,
  EnumValidationError,
  FlagNotFoundError,
  UnexpectedFlagError,
  UnexpectedPositionalError,
  UnsatisfiedFlagError,
  UnsatisfiedPositionalError,
} from '@stricli/core';
import type { StowageError } from '../errors.js';
import type { CommandHelp, DocumentedCommand } from './command.js';
import { flagNames, longName } from './help.js';
import { usageError } from './usage-error.js';

export function unknownCommand(
  input: string,
  corrections: readonly string[],
  parents: readonly string[],
): StowageError {
  if (input.startsWith('-')) return usageError(`unknown flag ${JSON.stringify(input)}`, parents);
  const kind = [...parents, 'command'].join(' ');
  return usageError(`unknown ${kind} ${JSON.stringify(input)}${suggestion(corrections)}`, parents);
}

/** Anything that is not a complaint of the parser comes back unchanged. */
export function explainParseError(error: unknown, { help, parameters }: DocumentedCommand): unknown {
  const message = parseErrorMessage(error, help, flagNames(parameters.flags ?? {}));
  return message === undefined ? error : usageError(message, help.path.split(' '));
}

function parseErrorMessage(error: unknown, help: CommandHelp, flags: readonly string[]): string | undefined {
  if (error instanceof FlagNotFoundError) {
    return `unknown flag "--${error.input}"${suggestion(similarFlags(error, flags))}`;
  }
  if (error instanceof AliasNotFoundError) return `unknown flag "-${error.input}"`;
  if (error instanceof ArgumentParseError) {
    if (error.input === '') return emptyInput(error.externalFlagNameOrPlaceholder, help);
    return `${flagOrArgument(error.externalFlagNameOrPlaceholder, help)} cannot be ${JSON.stringify(error.input)}: ${reason(error.exception)}`;
  }
  if (error instanceof EnumValidationError) {
    return `flag "--${error.externalFlagName}" must be one of ${error.values.join(', ')}, not ${JSON.stringify(error.input)}`;
  }
  if (error instanceof UnsatisfiedFlagError) return `flag "--${error.externalFlagName}" needs a value`;
  if (error instanceof UnexpectedFlagError) return `flag "--${error.externalFlagName}" is given twice`;
  if (error instanceof UnexpectedPositionalError) {
    return `${JSON.stringify(error.input)} is one argument too many for ${usage(help)}`;
  }
  if (error instanceof UnsatisfiedPositionalError) return `an argument is missing: ${usage(help)}`;
  return undefined;
}

function usage(help: CommandHelp): string {
  return `stowage ${help.path} ${help.usage.at(-1)}`.trimEnd();
}

function flagOrArgument(name: string, help: CommandHelp): string {
  return isArgument(name, help) ? `<${name}>` : `flag "--${name}"`;
}

/** The parser knows several arguments by one name, so which of them it is cannot be said. */
function emptyInput(name: string, help: CommandHelp): string {
  return isArgument(name, help)
    ? `an argument is empty: ${usage(help)}`
    : `the value of flag "--${name}" is empty`;
}

function isArgument(name: string, help: CommandHelp): boolean {
  return help.usage.some((line) => line.includes(`<${name}>`));
}

/** Flags that begin so; else those the parser finds close, of the ones that are shown. */
function similarFlags({ input, corrections }: FlagNotFoundError, flags: readonly string[]): string[] {
  const longer = flags.filter((name) => name.startsWith(`--${input}`));
  return longer.length > 0 ? longer : corrections.map(longName).filter((name) => flags.includes(name));
}

function reason(error: unknown): string {
  return error instanceof SyntaxError
    ? 'it takes no value'
    : error instanceof Error
      ? error.message
      : String(error);
}

function suggestion(corrections: readonly string[]): string {
  if (corrections.length === 0) return '';
  return `, did you mean ${corrections.map((text) => JSON.stringify(text)).join(' or ')}?`;
}
