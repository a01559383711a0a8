/** The door for JSON that somebody else wrote. Nothing else in the library parses it. */
import * as v from 'valibot';
import { StowageError } from '../errors.js';

/** Bytes of JSON that are accepted where nothing smaller is said: 20 MiB, what containerd reads of an archive. */
export const JSON_LIMIT = 20 * 1024 * 1024;

/** Bytes of a manifest, an index or a configuration: 4 MiB, the most that registries have to accept. */
export const MANIFEST_LIMIT = 4 * 1024 * 1024;

/** Objects and arrays inside each other. Images need eight or so. */
export const DEPTH_LIMIT = 100;

export interface ParseJsonOptions {
  /** In bytes. @default JSON_LIMIT */
  readonly limit?: number;
  /** Refuse an object that has the same key twice: readers differ in which of the values they take. @default false */
  readonly uniqueKeys?: boolean;
}

/**
 * The value of one JSON text, in strict UTF-8 without a byte order mark and with nothing after it. A key `__proto__`
 * is left out wherever it stands, so that copying the result can change nobody's prototype.
 *
 * @param what names the bytes in errors: `index.json`, `manifest "sha256:…"`.
 * @throws {StowageError} INVALID if it is not JSON; LIMIT_EXCEEDED if it is too large or nested too deep.
 */
export function parseJson(bytes: Uint8Array, what: string, options: ParseJsonOptions = {}): unknown {
  const limit = options.limit ?? JSON_LIMIT;
  if (bytes.byteLength > limit) {
    throw new StowageError(
      'LIMIT_EXCEEDED',
      `Cannot read ${what}: it has ${bytes.byteLength} bytes, at most ${limit} are accepted`,
      { detail: { size: bytes.byteLength, limit } },
    );
  }
  const text = decode(bytes, what);
  const isCut = checkNesting(text, what);
  try {
    const value: unknown = MAY_NAME_PROTOTYPE.test(text) ? JSON.parse(text, dropPrototype) : JSON.parse(text);
    if (options.uniqueKeys === true) checkKeys(text, what);
    return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const reason = isCut ? 'it ends in the middle of its JSON' : 'it is not JSON';
    throw new StowageError('INVALID', `Cannot read ${what}: ${bytes.length === 0 ? 'it is empty' : reason}`, {
      cause: error,
    });
  }
}

/**
 * `value` as `schema` describes it, or an error that names the first place where it differs. Messages in a schema
 * complete the sentence "… must be": `v.string('a string')`.
 *
 * @throws {StowageError} INVALID, for example `Cannot read index.json: manifests[2].size must be a number`.
 */
export function validate<TOutput>(
  schema: v.GenericSchema<unknown, TOutput>,
  value: unknown,
  what: string,
): TOutput {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new StowageError('INVALID', `Cannot read ${what}: ${problemOf(issue)}`, {
    detail: { path: pathOf(issue) },
  });
}

/** One place where a value differs from its schema. */
export interface SchemaProblem {
  /** Where, as in messages: `manifests[2].size`; empty for the value itself. */
  readonly path: string;
  /** A sentence without capital and full stop: `manifests[2].size must be a number, not "7"`. */
  readonly problem: string;
}

/** Every place where `value` differs from `schema`, for those who want to know all that is wrong; see {@link validate}. */
export function problemsOf(schema: v.GenericSchema, value: unknown): SchemaProblem[] {
  const result = v.safeParse(schema, value);
  if (result.success) return [];
  return result.issues.map((issue) => ({ path: pathOf(issue), problem: problemOf(issue) }));
}

/** An array where `null` and, in objects, absence mean an empty one, as they do to Go. */
export function listOf<TItem>(item: v.GenericSchema<unknown, TItem>): v.GenericSchema<unknown, TItem[]> {
  return v.pipe(
    v.nullable(v.array(item, 'a list')),
    v.transform((items) => items ?? []),
  );
}

/** An object with these fields, others left out; unlike `v.object` it takes no array for one. */
export function objectWith<TEntries extends v.ObjectEntries>(entries: TEntries, what = 'an object') {
  return v.pipe(v.custom<object>(isObject, what), v.object(entries));
}

/** An object with nothing but strings in it. Unlike a record of valibot it keeps a key such as `constructor`. */
export const stringMap = v.custom<Readonly<Record<string, string>>>(
  (value) => isObject(value) && Object.values(value).every((item) => typeof item === 'string'),
  'an object of strings',
);

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const MAY_NAME_PROTOTYPE = /__proto__|\\u005f/i;

function dropPrototype(key: string, value: unknown): unknown {
  return key === '__proto__' ? undefined : value;
}

function decode(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new StowageError('INVALID', `Cannot read ${what}: it is not UTF-8`, { cause });
  }
}

/** Says whether the text ends before everything that it opens is closed. */
function checkNesting(text: string, what: string): boolean {
  let depth = 0;
  const isClosed = scan(text, (bracket) => {
    depth += bracket === '{' || bracket === '[' ? 1 : -1;
    if (depth > DEPTH_LIMIT) {
      throw new StowageError(
        'LIMIT_EXCEEDED',
        `Cannot read ${what}: it is nested deeper than ${DEPTH_LIMIT}`,
        {
          detail: { limit: DEPTH_LIMIT },
        },
      );
    }
  });
  return depth > 0 || !isClosed;
}

/** Expects text that is known to be JSON. */
function checkKeys(text: string, what: string): void {
  const open: (Set<string> | undefined)[] = [];
  scan(
    text,
    (bracket) => {
      if (bracket === '{') open.push(new Set());
      else if (bracket === '[') open.push(undefined);
      else open.pop();
    },
    (key) => {
      const name = JSON.parse(key) as string;
      const names = open.at(-1);
      if (names?.has(name) === true) {
        throw new StowageError(
          'INVALID',
          `Cannot read ${what}: it has the key ${JSON.stringify(name)} twice`,
        );
      }
      names?.add(name);
    },
  );
}

/**
 * Brackets outside strings, and keys of objects as they are written, in quotes; in linear time, without memory of its
 * own. False if the text ends inside a string.
 */
function scan(text: string, onBracket: (bracket: string) => void, onKey?: (key: string) => void): boolean {
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    switch (character) {
      case '{':
      case '[':
      case '}':
      case ']':
        onBracket(character);
        break;
      case '"': {
        const end = endOfString(text, at);
        if (end === undefined) return false;
        if (onKey !== undefined && text.charAt(afterSpace(text, end)) === ':') onKey(text.slice(at, end));
        at = end - 1;
        break;
      }
      default:
    }
  }
  return true;
}

/** Behind the closing quote of the string that starts at `start`, or undefined if it has none. */
function endOfString(text: string, start: number): number | undefined {
  for (let quote = text.indexOf('"', start + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let backslashes = 0;
    while (text.charAt(quote - 1 - backslashes) === '\\') backslashes++;
    if (backslashes % 2 === 0) return quote + 1;
  }
  return undefined;
}

function afterSpace(text: string, start: number): number {
  let at = start;
  while (/[ \t\r\n]/.test(text.charAt(at))) at++;
  return at;
}

type Issue = v.BaseIssue<unknown>;

function problemOf(issue: Issue): string {
  const path = pathOf(issue);
  const place = path === '' ? 'it' : path;
  if (path !== '' && issue.input === undefined) return `${place} is missing`;
  const must = issue.message.startsWith('Invalid ') ? (issue.expected ?? 'something else') : issue.message;
  return `${place} must be ${must}, not ${shown(issue.input)}`;
}

/** A value on one line, short enough for a message. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function pathOf(issue: Issue): string {
  let path = '';
  for (const { key } of issue.path ?? []) {
    if (typeof key === 'number') path += `[${key}]`;
    else if (typeof key === 'string' && /^[A-Za-z][\w.]*$/.test(key)) path += path === '' ? key : `.${key}`;
    else path += `[${JSON.stringify(key)}]`;
  }
  return path;
}
