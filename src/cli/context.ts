import type { StoreOptions } from '../backends/dir/open-store.js';
import type { OnProgress } from '../content/progress.js';
import { isStowageError } from '../errors.js';
import type { Store } from '../images/store.js';
import type { Globals } from './globals.js';
import type { Output } from './output.js';
import { findPlace, type Place } from './place.js';
import { createProgress } from './progress.js';
import type { StandardOutput } from './stdio.js';

/**
 * What a command wants of a store. To `write` makes one that is not there, as soon as there is something to write. For
 * the others that is an empty one, and none is made: to `change` or to `remove` what is there, the latter on a full disk,
 * too, and to `read`, which changes nothing.
 */
export type Purpose = 'write' | 'change' | 'remove' | 'read';

const OPENING: Readonly<Record<Purpose, Pick<StoreOptions, 'readOnly' | 'toRemove' | 'create'>>> = {
  write: { create: false },
  change: { create: false },
  remove: { create: false, toRemove: true },
  read: { readOnly: true },
};

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
  /** Opens the store the user means, as the purpose demands, and closes it when `use` is done. */
  withStore<T>(purpose: Purpose, use: (store: Store) => Promise<T>): Promise<T>;
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
  const open = async (purpose: Purpose): Promise<Store> => {
    const { root, namespace } = findPlace(globals, env);
    const { openStore } = await import('../backends/dir/open-store.js');
    const onWarning = (message: string) => output.warn(message);
    const options = { root, namespace, signal, onWarning };
    try {
      return await openStore({ ...options, ...OPENING[purpose] });
    } catch (error) {
      // A store of an older version: opening it for writing brings it up to date, where that is allowed.
      if (purpose === 'read' && isStowageError(error, 'UNSUPPORTED') && error.detail['outdated'] === true) {
        return open('write');
      }
      if (!isStowageError(error, 'NOT_FOUND')) throw error;
      if (purpose === 'write') {
        const { storeToBe } = await import('./store-to-be.js');
        return storeToBe(namespace, () => openStore(options));
      }
      output.note(`there is no store at ${JSON.stringify(root)} yet`);
      const { openMemoryStore } = await import('../backends/memory/index.js');
      return openMemoryStore();
    }
  };
  return {
    process: { stdout: { write: options.onHelp }, stderr: { write: () => {} } },
    output,
    stdout,
    get interactive() {
      return stderr.isTerminal;
    },
    signal,
    report,
    fail,
    place: () => findPlace(globals, env),
    async withStore(purpose, use) {
      const store = await open(purpose);
      try {
        return await use(store);
      } finally {
        await store.close();
      }
    },
    async withProgress(verb, work) {
      const style = output.json ? 'none' : stderr.isTerminal && env['TERM'] !== 'dumb' ? 'bar' : 'lines';
      const progress = createProgress({
        verb,
        output,
        style,
        write: (text) => stderr.write(text),
        columns: () => stderr.columns(),
        // The clock of the process is there; that of the platform has to be loaded.
        now: () => process.uptime() * 1000,
      });
      try {
        return await work(progress.onProgress);
      } finally {
        progress.end();
      }
    },
  };
}
