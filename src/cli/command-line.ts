/** From the process to a command and back to an exit status. */
import { paintFor } from './color.js';
import { createContext } from './context.js';
import { abortOnSignals, EXIT, isClosedPipe } from './exit.js';
import { takeGlobals, type Globals } from './globals.js';
import { isTerminal } from './is-terminal.js';
import { createOutput, type Output } from './output.js';
import { runCommandLine } from './run.js';
import { releaseStandardInput, standardOutput, writeToStandardError, type StandardOutput } from './stdio.js';
import { packageVersion } from './version.js';

/**
 * How long something that was left open may keep a finished command alive, in milliseconds. A command that failed is
 * not waited for: it may have been interrupted in the middle of a write that nobody will ever read.
 */
const PATIENCE = 1_000;

async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const stdout = standardOutput();
  const output = createOutput({
    // Known before the command line is understood, since it may be the command line that is wrong.
    json: argv.includes('--json'),
    debug: argv.includes('--debug'),
    stdout,
    stderr: writeToStandardError,
    paint: paintFor(2, env),
  });
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => process.exit(output.error(error)));
  }
  const signal = abortOnSignals();
  let status: number = EXIT.ok;
  const report = (error: unknown) => {
    const exitCode = output.error(error);
    if (status === EXIT.ok) status = exitCode;
  };
  const fail = (exitCode: number) => {
    if (status === EXIT.ok) status = exitCode;
  };
  try {
    const { globals, rest } = takeGlobals(argv);
    await runWith(globals, rest, { env, output, stdout, signal, report, fail });
  } catch (error) {
    if (stdout.closed || isClosedPipe(error)) return EXIT.closedPipe;
    report(signal.aborted ? signal.reason : error);
  }
  return status;
}

interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly output: Output;
  readonly stdout: StandardOutput;
  readonly signal: AbortSignal;
  readonly report: (error: unknown) => void;
  readonly fail: (exitCode: number) => void;
}

async function runWith(globals: Globals, rest: readonly string[], surroundings: Surroundings): Promise<void> {
  const { env, output, stdout } = surroundings;
  if (globals.version) {
    await (output.json
      ? output.value({ version: packageVersion() })
      : output.text(`stowage ${packageVersion()}\n`));
    return;
  }
  let help = '';
  const context = createContext({
    globals,
    ...surroundings,
    stderr: {
      get isTerminal() {
        return isTerminal(2);
      },
      write: writeToStandardError,
      columns: () => process.stderr.columns || 80,
    },
    onHelp: (text) => (help += text),
  });
  await runCommandLine(globals.help ? wordsForHelp(rest) : asHelp(rest), context, paintFor(1, env));
  if (help !== '') await stdout.write(help);
}

/** `stowage help images import` is `stowage images import --help`. */
function asHelp(words: readonly string[]): readonly string[] {
  return words[0] === 'help' ? wordsForHelp(words.slice(1)) : words;
}

/** Only what leads to the command: its flags and arguments do not matter to its help. */
function wordsForHelp(words: readonly string[]): string[] {
  const end = words.findIndex((word) => word.startsWith('-'));
  return [...(end < 0 ? words : words.slice(0, end)), '--help'];
}

/** Runs what the process was started with, and ends the process when that is done. */
export async function runProcess(): Promise<void> {
  const status = await main(process.argv.slice(2), process.env);
  process.exitCode = status;
  releaseStandardInput();
  setTimeout(() => process.exit(status), status === EXIT.ok ? PATIENCE : 0).unref();
}
