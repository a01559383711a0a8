/** The files of this machine, except that one operation of many fails. */
import type { Files, OpenFile, SyncFiles } from '../../src/backends/dir/files.js';
import { nodeFiles } from '../../src/backends/dir/node-files.js';

/** What happens to an operation; undefined lets it be. */
export type Failing = (operation: {
  readonly number: number;
  readonly name: string;
}) => 'EIO' | 'short' | undefined;

export interface FailingFiles {
  readonly files: Files;
  /** How many operations there were. */
  readonly count: () => number;
  /** The name of the one that failed. */
  readonly failed: () => string | undefined;
}

/** Operations are counted from 0, in the order in which they are begun. */
export function failingFiles(failing: Failing): FailingFiles {
  let count = 0;
  let failed: string | undefined;
  const next = (name: string) => {
    const fate = failing({ number: count++, name });
    if (fate !== undefined) failed = name;
    if (fate === 'EIO')
      throw Object.assign(new Error(`EIO: injected, ${name}`), { code: 'EIO', syscall: syscallOf(name) });
    return fate;
  };
  const sync = wrapped<SyncFiles>(nodeFiles.sync, (name, call) => {
    next(name);
    return call();
  });
  const handle = (file: OpenFile): OpenFile =>
    wrapped(file, async (name, call, args) => {
      // A file is closed even when the system says that it failed to.
      if (name === 'close') await call();
      if (next(name) === 'short') return writeLess(file, args);
      return name === 'close' ? undefined : call();
    });
  const files = wrapped(nodeFiles, async (name, call) => {
    next(name);
    const result = await call();
    return name === 'open' ? handle(result as OpenFile) : result;
  });
  return { files: { ...files, sync }, count: () => count, failed: () => failed };
}

/** The first half of the first piece, as the system may do. */
async function writeLess(file: OpenFile, [pieces, position]: readonly unknown[]): Promise<unknown> {
  const [first = Buffer.alloc(0)] = pieces as readonly Buffer[];
  return file.writev([first.subarray(0, Math.ceil(first.length / 2))], position as number);
}

function syscallOf(name: string): string {
  return { datasync: 'fdatasync', sync: 'fsync', syncFolder: 'fsync' }[name] ?? name;
}

/** The same functions, each through `around`. */
function wrapped<T extends object>(
  target: T,
  around: (name: string, call: () => unknown, args: readonly unknown[]) => unknown,
): T {
  return new Proxy(target, {
    get(_, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => around(String(name), () => Reflect.apply(value, target, args), args);
    },
  });
}
