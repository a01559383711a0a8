import {
  buildCommand,
  type BaseArgs,
  type BaseFlags,
  type Command,
  type CommandFunction,
  type CommandFunctionLoader,
  type TypedCommandParameters,
} from '@stricli/core';
import type { Context } from './context.js';

/** What help and the reference say of one command, beside its flags. */
export interface CommandHelp {
  /** Noun and verb as they are best typed: `images import`. */
  readonly path: string;
  /** Shorter ways to type the same. */
  readonly shortcuts?: readonly string[];
  /** One sentence, no full stop. */
  readonly brief: string;
  /** What follows the path, once for each form: `[flags] [<ref>] <in>`. */
  readonly usage: readonly string[];
  /** Paragraphs. */
  readonly about?: readonly string[];
  readonly arguments?: readonly (readonly [name: string, text: string])[];
  /** Command lines without `stowage`, and what each does. */
  readonly examples: readonly (readonly [line: string, does: string])[];
  /** The value that --json prints, as a TypeScript type. */
  readonly json: string;
}

export interface DocumentedCommand extends Command<Context> {
  readonly help: CommandHelp;
}

/** Body of a command: gets flags and arguments parsed, reports failures by throwing. */
export type CommandBody<FLAGS extends BaseFlags, ARGS extends BaseArgs> = CommandFunction<
  FLAGS,
  ARGS,
  Context
>;

/** A command whose body is loaded when it is run; its flags and help are there at once. */
export function defineCommand<FLAGS extends BaseFlags, ARGS extends BaseArgs>(definition: {
  readonly help: CommandHelp;
  readonly parameters: NoInfer<TypedCommandParameters<FLAGS, ARGS, Context>>;
  readonly loader: CommandFunctionLoader<FLAGS, ARGS, Context>;
}): DocumentedCommand {
  const { help, loader } = definition;
  const { flags } = definition.parameters;
  // The parser looks names up with a plain index; without a prototype, `--constructor` is as unknown as it should be.
  const parameters = flags
    ? { ...definition.parameters, flags: Object.assign(Object.create(null) as typeof flags, flags) }
    : definition.parameters;
  return Object.assign(
    buildCommand<FLAGS, ARGS, Context>({ loader, parameters, docs: { brief: help.brief } }),
    { help },
  );
}

/** An argument as it stands on the command line; an empty one is nearly always a variable that is not set. */
export function argument(placeholder: string) {
  return { brief: placeholder, placeholder, parse: notEmpty } as const;
}

/** On or off. */
export function switchFlag(brief: string) {
  return { kind: 'boolean', optional: true, withNegated: false, brief } as const;
}

/** Takes a value. */
export function valueFlag(placeholder: string, brief: string) {
  return { kind: 'parsed', parse: notEmpty, optional: true, placeholder, brief } as const;
}

/** Takes one of a few values. */
export function enumFlag<T extends string>(values: readonly T[], placeholder: string, brief: string) {
  return { kind: 'enum', values, optional: true, placeholder, brief } as const;
}

/** Takes a value, and may be given several times. */
export function repeatableFlag(placeholder: string, brief: string) {
  return { kind: 'parsed', parse: notEmpty, optional: true, variadic: true, placeholder, brief } as const;
}

/** A switch of `ctr` that has no meaning here: accepted, not shown. */
export const ignoredSwitch = {
  kind: 'boolean',
  optional: true,
  withNegated: false,
  hidden: true,
  brief: 'without effect',
} as const;

/** The same with a value. */
export const ignoredValue = {
  kind: 'parsed',
  parse: String,
  optional: true,
  hidden: true,
  brief: 'without effect',
} as const;

function notEmpty(input: string): string {
  if (input === '') throw new Error('it is empty');
  return input;
}
