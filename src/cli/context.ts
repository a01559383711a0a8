import type { StoreOptions } from '../backends/dir/index.js';
import type { OnProgress } from '../content/progress.js';
import { isStowageError } from '../errors.js';
import type { Store } from '../images/store.js';
import type { Globals } from './globals.js';
import type { Output } from './output.js';
import { findPlace, type Place } from './place.js';
import { createProgress } from './progress.js';
import type { StandardOutput } from './stdio.js';

/** What a command has to do with the world: everything it may touch comes from here. */
export interface Context {
  /** For the command-line parser only; it may say nothing itself. */
  readonly process: { readonly stdout: Sink; readonly stderr: Sink };
  readonly output: Output;
  readonly stdout: StandardOutput;
  /** Whether a person is watching standard error. */
  readonly interactive: boolean;
  /** Aborts when the user or the system asks the command to stop. */
  readonly signal: AbortSignal;
  /** Which store the user means. */
  place(): Place;
  /** Opens the store the user means, and closes it when `use` is done. */
  withStore<T>(use: (store: Store) => Promise<T>): Promise<T>;
  /** The same for commands that only change what is there: a store that is not there is an empty one, and none is made. */
  withStoreToChange<T>(use: (store: Store) => Promise<T>): Promise<T>;
  /** The same for commands that remove something: they work on a full disk, too. */
  withStoreToRemove<T>(use: (store: Store) => Promise<T>): Promise<T>;
  /** The same for commands that change nothing: a store that is not there is an empty one, and none is made. */
  withStoreToRead<T>(use: (store: Store) => Promise<T>): Promise<T>;
  /** Shows progress on standard error while `work` runs. `verb` is one word: `importing`. */
  withProgress<T>(verb: string, work: (onProgress: OnProgress) => Promise<T>): Promise<T>;
  /** Reports a failure that does not end the command; the first one decides the exit status. */
  report(error: unknown): void;
  /** Ends the command with this status although nothing failed: what it was asked has the answer no. */
  fail(exitCode: number): void;
}

interface Sink {
  write(text: string): void;
}

export interface ContextOptions {
  readonly globals: Globals;
  readonly env: NodeJS.ProcessEnv;
  readonly output: Output;
  readonly stdout: StandardOutput;
  readonly stderr: { readonly isTerminal: boolean; write(text: string): void; columns(): number };
  readonly signal: AbortSignal;
  readonly report: (error: unknown) => void;
  readonly fail: (exitCode: number) => void;
  /** Takes the help texts that the parser writes. */
  readonly onHelp: (text: string) => void;
}

export function createContext(options: ContextOptions): Context {
  const { globals, env, output, stdout, stderr, signal, report, fail } = options;
  const open = async (how: Pick<StoreOptions, 'readOnly' | 'toRemove' | 'create'>): Promise<Store> => {
    const { root, namespace } = findPlace(globals, env);
    const { openStore } = await import('../backends/dir/index.js');
    const onWarning = (message: string) => output.warn(message);
    return openStore({ root, namespace, signal, onWarning, ...how });
  };
  const whatElse = async (error: unknown): Promise<Store> => {
    // A store of an older version: opening it for writing brings it up to date, where that is allowed.
    if (isStowageError(error, 'UNSUPPORTED') && error.detail['outdated'] === true) {
      return open({});
    }
    return emptyStore(error);
  };
  const emptyStore = async (error: unknown): Promise<Store> => {
    if (!isStowageError(error, 'NOT_FOUND')) throw error;
    output.note(`there is no store at ${JSON.stringify(findPlace(globals, env).root)} yet`);
    const { openMemoryStore } = await import('../backends/memory/index.js');
    return openMemoryStore();
  };
  return {
    process: { stdout: { write: options.onHelp }, stderr: { write: () => {} } },
    output,
    stdout,
    interactive: stderr.isTerminal,
    signal,
    report,
    fail,
    place: () => findPlace(globals, env),
    async withStore(use) {
      return closing(await open({}), use);
    },
    async withStoreToChange(use) {
      return closing(await open({ create: false }).catch(emptyStore), use);
    },
    async withStoreToRemove(use) {
      return closing(await open({ create: false, toRemove: true }).catch(emptyStore), use);
    },
    async withStoreToRead(use) {
      return closing(await open({ readOnly: true }).catch(whatElse), use);
    },
    async withProgress(verb, work) {
      const style = output.json ? 'none' : stderr.isTerminal && env['TERM'] !== 'dumb' ? 'bar' : 'lines';
      const progress = createProgress({
        verb,
        output,
        style,
        write: (text) => stderr.write(text),
        columns: () => stderr.columns(),
        now: () => performance.now(),
      });
      try {
        return await work(progress.onProgress);
      } finally {
        progress.end();
      }
    },
  };
}

async function closing<T>(store: Store, use: (store: Store) => Promise<T>): Promise<T> {
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}
