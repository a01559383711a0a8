/**
 * Which SQLite is used. Every database file of a store must be opened by one library and nothing else, because POSIX
 * locks belong to the process: another copy of SQLite would drop them with its first close.
 */
// The one file outside the command that touches the process: only there can a built-in module be asked for without
// an import that fails where it is missing, and only there can its warning be held back.
import { createRequire } from 'node:module';
import { StowageError } from '../../../errors.js';

/** Not imported, which would have Node make its standard streams and more. */
const { process } = globalThis;

/** What SQLite takes and gives. A boolean is not among them: Node 22 throws on it. */
export type Value = string | number | bigint | Uint8Array | null;

export type Row = Readonly<Record<string, Value>>;

/** The part of a statement that is used, the same in both libraries. */
export interface Statement {
  get(...values: Value[]): Row | undefined;
  all(...values: Value[]): Row[];
  run(...values: Value[]): { readonly changes: number | bigint };
}

/** The part of a database that is used, the same in both libraries. */
export interface Database {
  exec(sql: string): void;
  prepare(sql: string): Statement;
  close(): void;
}

export interface Library {
  /** `built-in` or the name of the package. */
  readonly name: string;
  /** Opens a path or, for its parameters, a `file:` URL. */
  open(location: string | URL, options?: { readonly readOnly?: boolean }): Database;
}

interface SqliteModule {
  readonly DatabaseSync: new (location: string | URL, options?: { readonly readOnly?: boolean }) => Database;
}

/**
 * Whether this version of SQLite has the repair of the WAL reset, without which two processes that checkpoint at the
 * wrong moment damage the database: 3.51.3 and later, and the repaired releases of 3.50 and 3.44.
 */
export function isSafeVersion(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  if (major !== 3) return major > 3;
  if (minor > 51) return true;
  if (minor === 51) return patch >= 3;
  if (minor === 50) return patch >= 7;
  return minor === 44 && patch >= 6;
}

let loading: Promise<Library> | undefined;

/**
 * The built-in SQLite of Node where it is safe, else the package.
 *
 * @throws {StowageError} UNSUPPORTED if there is neither.
 */
export function loadLibrary(): Promise<Library> {
  loading ??= chooseLibrary(loadBuiltIn, loadPackage);
  return loading;
}

/** {@link loadLibrary} with its two sources as parameters. */
export async function chooseLibrary(
  builtIn: () => SqliteModule | undefined,
  fromPackage: () => Promise<SqliteModule | undefined>,
): Promise<Library> {
  const native = builtIn();
  const version = native === undefined ? undefined : versionOf(native);
  if (native !== undefined && version !== undefined && isSafeVersion(version)) {
    return asLibrary('built-in', native);
  }
  const installed = await fromPackage();
  if (installed !== undefined) return asLibrary('@photostructure/sqlite', installed);
  const reason =
    version === undefined
      ? 'this version of Node has no SQLite'
      : `the SQLite ${version} of this Node may damage a database that several processes use`;
  throw new StowageError('UNSUPPORTED', `Cannot open a store: ${reason}`, {
    detail: { version },
    hint: 'install the package @photostructure/sqlite, or use a newer Node',
  });
}

function asLibrary(name: string, { DatabaseSync }: SqliteModule): Library {
  return { name, open: (location, options = {}) => new DatabaseSync(location, options) };
}

function versionOf({ DatabaseSync }: SqliteModule): string | undefined {
  const database = new DatabaseSync(':memory:');
  try {
    const version = database.prepare('SELECT sqlite_version() AS version').get()?.['version'];
    return typeof version === 'string' ? version : undefined;
  } finally {
    database.close();
  }
}

/**
 * Node warns that its SQLite is experimental while it is loaded. Loading is synchronous, so that for just as long
 * nobody else's warning can be in the way of the filter.
 */
function loadBuiltIn(): SqliteModule | undefined {
  const host: { emitWarning: (...values: unknown[]) => void } = process as never;
  const original = host.emitWarning;
  host.emitWarning = (...values) => {
    if (!String(values[0]).startsWith('SQLite is an experimental feature'))
      Reflect.apply(original, process, values);
  };
  try {
    return process.getBuiltinModule('node:sqlite') as SqliteModule | undefined;
  } finally {
    host.emitWarning = original;
  }
}

/**
 * By `require`: an `import` of a package of the older kind has Node read its sources for names, which takes longer than
 * to load it.
 */
async function loadPackage(): Promise<SqliteModule | undefined> {
  try {
    return createRequire(import.meta.url)('@photostructure/sqlite') as SqliteModule;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'MODULE_NOT_FOUND' && message.includes('@photostructure/sqlite')) return undefined;
    throw error;
  }
}
