import { buildApplication, run, text_en } from '@stricli/core';
import type { Paint } from './color.js';
import type { DocumentedCommand } from './command.js';
import type { Context } from './context.js';
import { explainParseError, unknownCommand } from './explain.js';
import { buildRoute, buildRoutes, findCommand, findNoun } from './routes.js';
import { usageError } from './usage-error.js';

/** What the parser can make a flag of; anything else that begins with a dash would pass for an argument. */
const FLAG = /^(?:--[a-z][a-z\d._-]+(?:=[^\n]+)?|-[a-z]+|-[a-z]=[^\n]+)$/i;
const EMPTY_OR_MULTILINE = /^(--[a-z][a-z\d._-]+)=(|[^]*\n[^]*)$/i;

/** What leads to the only command of a tree. */
const VERB = 'command';

/**
 * Runs the command that `words` (without global flags) name. Help goes to `context.process.stdout`.
 *
 * @throws {StowageError} INVALID if there is no such command, or its flags or arguments are wrong; and whatever the
 *   command throws.
 */
export async function runCommandLine(
  words: readonly string[],
  context: Context,
  paint: Paint,
): Promise<void> {
  let failure: { readonly error: unknown } | undefined;
  const fail = (error: unknown) => {
    failure ??= { error };
    return '';
  };
  const found = findCommand(words);
  const command = found?.command;
  // The whole tree is built only for who is lost in it.
  const root = command ? buildRoute(VERB, command, paint) : buildRoutes(paint);
  const explain = (error: unknown) => (command === undefined ? error : explainParseError(error, command));
  const application = buildApplication<Context>(root, {
    name: 'stowage',
    scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
    documentation: { disableAnsiColor: true },
    localization: {
      text: {
        ...text_en,
        noCommandRegisteredForInput: ({ input, corrections }) =>
          fail(
            unknownCommand(
              input,
              corrections.map((text) => text.replaceAll('`', '')),
              nounsOf(words),
            ),
          ),
        exceptionWhileParsingArguments: (error) => fail(explain(error)),
        exceptionWhileLoadingCommandFunction: fail,
        exceptionWhileLoadingCommandContext: fail,
        exceptionWhileRunningCommand: fail,
        commandErrorResult: fail,
        exceptionWhileRunningIntegrationFlag: ({ exception }) => fail(exception),
        exceptionWhileRunningIntegrationHook: ({ exception }) => fail(exception),
      },
    },
  });
  await run(application, prepare(found ? [VERB, ...found.rest] : words, command), context);
  if (failure !== undefined) throw failure.error;
}

/** Words as the parser understands them: it takes an empty or many-lined value only from a word of its own. */
function prepare(words: readonly string[], command: DocumentedCommand | undefined): string[] {
  const end = words.indexOf('--');
  const before = end < 0 ? words : words.slice(0, end);
  const prepared = before.flatMap((word) => {
    const split = EMPTY_OR_MULTILINE.exec(word);
    if (split !== null) return [split[1]!, split[2]!];
    if (word.startsWith('-') && word !== '-' && !FLAG.test(word)) {
      throw usageError(`unknown flag ${JSON.stringify(word)}`, command?.help.path.split(' '));
    }
    return [word];
  });
  return end < 0 ? prepared : [...prepared, ...words.slice(end)];
}

/** How far words lead that do not lead to a command. */
function nounsOf(words: readonly string[]): string[] {
  const noun = findNoun(words.find((word) => !word.startsWith('-')) ?? '');
  return noun ? [noun.name] : [];
}
