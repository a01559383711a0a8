/**
 * containerd's filter language for lists (spec 5.6): conditions with commas between, several filters are alternatives.
 * What can be asked of what is listed is in filter-fields.ts, here and beside the contract of images.
 */
import { StowageError } from '../errors.js';

/** Value of a field of one object by its path (`labels.a.b` is three steps), or undefined if it has no such field. */
export type FieldLookup = (path: readonly string[]) => string | undefined;

/** Whether an object, given by its fields, matches. */
export type Selector = (field: FieldLookup) => boolean;

/**
 * A test that is true for what matches any of the filters, and for everything if there is none:
 *
 *     const matches = compileFilters(['name~=^docker.io/,labels.team==web']);
 *     for await (const image of store.images.list()) if (matches(imageFields(image))) ...
 *
 * A filter is one condition or several with commas between: `field==value`, `field!=value`, `field~=regexp` (searched
 * for anywhere), or the field alone for its presence. `!=` and `~=` take an absent field for an empty one. Words that
 * are not plain are quoted, with the escapes of Go's strings: `labels."a/b"=="c d"`; regular expressions also by `/` or `|`.
 *
 * @throws {StowageError} INVALID if one breaks the grammar, or holds a regular expression that is none.
 */
export function compileFilters(filters: readonly string[]): Selector {
  const compiled = filters.map((filter) => new FilterParser(filter).parse());
  return (field) =>
    compiled.length === 0 || compiled.some((selectors) => selectors.every((each) => each(field)));
}

const FIELD = /[A-Za-z0-9_]+/y;
const OPERATOR = /[=!~]+/y;
const VALUE = /[^\s,/|".=!~\p{C}][^\s,\p{C}]*/uy;
const SPACES = /\s*/y;
const QUOTES = '"/|';

class FilterParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Selector[] {
    const selectors: Selector[] = [];
    if (this.#text === '') return selectors;
    for (;;) {
      selectors.push(this.#selector());
      if (this.#at === this.#text.length) return selectors;
      if (this.#text[this.#at] !== ',') throw this.#error(`unexpected input: ${this.#text[this.#at]}`);
      this.#at++;
    }
  }

  #selector(): Selector {
    this.#take(SPACES);
    const path = [this.#field()];
    while (this.#text[this.#at] === '.') {
      this.#at++;
      path.push(this.#field());
    }
    const next = this.#text[this.#at];
    // A field that ends in the middle of a word was most often a key that had to be quoted.
    if (next !== undefined && QUOTES.includes(next)) this.#quoted(false);
    this.#take(SPACES);
    if (this.#at === this.#text.length || this.#text[this.#at] === ',')
      return (field) => field(path) !== undefined;
    const start = this.#at;
    const operator = this.#take(OPERATOR);
    if (operator === undefined) throw this.#error('expected an operator ("=="|"!="|"~=")');
    if (operator !== '==' && operator !== '!=' && operator !== '~=') {
      this.#at = start;
      throw this.#error(`unsupported operator ${JSON.stringify(operator)}`);
    }
    this.#take(SPACES);
    const valueAt = this.#at;
    const value = this.#value(operator === '~=');
    if (operator === '==') return (field) => field(path) === value;
    if (operator === '!=') return (field) => (field(path) ?? '') !== value;
    const pattern = this.#pattern(value, valueAt);
    return (field) => pattern.test(field(path) ?? '');
  }

  #field(): string {
    if (this.#text[this.#at] === '"') return this.#quoted(false);
    const field = this.#take(FIELD);
    if (field !== undefined) return field;
    const next = this.#text[this.#at];
    if (next !== undefined && QUOTES.includes(next)) return this.#quoted(false);
    throw this.#error('expected field or quoted');
  }

  #value(isPattern: boolean): string {
    const next = this.#text[this.#at];
    if (next !== undefined && QUOTES.includes(next)) return this.#quoted(isPattern);
    const value = this.#take(VALUE);
    if (value === undefined) throw this.#error('expected value or quoted');
    return value;
  }

  /** A quoted word; `/` and `|` quote regular expressions only, whose backslashes are their own. */
  #quoted(alternatives: boolean): string {
    const start = this.#at;
    const quote = this.#text[start]!;
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== quote && this.#text[end] !== '\n') {
      end += this.#text[end] === '\\' ? 2 : 1;
    }
    if (this.#text[end] !== quote) throw this.#error('quoted literal not terminated');
    if (quote !== '"' && !alternatives) throw this.#error('invalid quote encountered');
    const inner = this.#text.slice(start + 1, end);
    this.#at = end + 1;
    return quote === '"' ? this.#unescape(inner) : inner.replaceAll(`\\${quote}`, quote);
  }

  /** Escapes of Go's string literals. */
  #unescape(text: string): string {
    return text.replaceAll(
      /\\(?:([abfnrtv\\'"])|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|[^]|$)/g,
      (sequence, simple?: string, hex?: string, short?: string, long?: string, octal?: string) => {
        if (simple !== undefined) return SIMPLE_ESCAPES[simple] ?? simple;
        const code = hex ?? short ?? long;
        const point =
          code !== undefined ? parseInt(code, 16) : octal !== undefined ? parseInt(octal, 8) : NaN;
        if (!(point <= 0x10ffff)) throw this.#error(`illegal escape sequence ${sequence}`);
        return String.fromCodePoint(point);
      },
    );
  }

  #pattern(source: string, at: number): RegExp {
    try {
      return new RegExp(source, 'u');
    } catch (error) {
      this.#at = at;
      throw this.#error(
        `not a regular expression: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #error(reason: string): StowageError {
    const [before, after] = [this.#text.slice(0, this.#at), this.#text.slice(this.#at + 1)];
    const place = this.#at < this.#text.length ? `${before} >|${this.#text[this.#at]}|< ${after}` : before;
    return new StowageError('INVALID', `Cannot read filter [${place}]: ${reason}`, {
      hint: `conditions look like name==foo, name~=regexp or 'labels."a/b"==c'`,
      detail: { filter: this.#text, position: this.#at },
    });
  }
}

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
