import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileFilters, type FieldLookup } from './filter.js';

/** The table, or undefined where the tables are absent. */
const table = readTable(`${process.env.TABLES_DIR ?? '../shared/tables'}/containerd-filters.json`);

interface Case {
  readonly name: string;
  readonly input: string;
  readonly expected?: 'ALL' | readonly { readonly corpusIndex: number }[];
  readonly errString?: string;
}
interface Item {
  readonly Name: string;
  readonly Other?: string;
  readonly Labels?: Readonly<Record<string, string>>;
}

interface Table {
  readonly groups: {
    readonly corpus: { readonly cases: readonly Item[] };
    readonly TestFilters: { readonly cases: readonly Case[] };
  };
}

describe.skipIf(table === undefined)('filters of the table (skipped where the tables are absent)', () => {
  const { groups } = table ?? { groups: { corpus: { cases: [] }, TestFilters: { cases: [] } } };
  const corpus = groups.corpus.cases;

  it.each(groups.TestFilters.cases)('$name: $input', ({ input, expected, errString }) => {
    const matching = () =>
      corpus.flatMap((item, index) => (compileFilters([input])(fieldsOf(item)) ? [index] : []));
    if (errString !== undefined) {
      expect(matching).toThrow(errString.replace('filters: parse error: ', 'Cannot read filter '));
      return;
    }
    const indexes =
      expected === 'ALL'
        ? corpus.map((_, index) => index)
        : (expected ?? []).map(({ corpusIndex }) => corpusIndex);
    expect(matching()).toEqual(indexes);
  });
});

describe('filters', () => {
  const image: FieldLookup = ([field]) => ({ name: 'foo', empty: '' })[field!];

  it('all match where none is given, and any where several are', () => {
    expect(compileFilters([])(image)).toBe(true);
    expect(compileFilters(['name==bar', 'name==foo'])(image)).toBe(true);
    expect(compileFilters(['name==bar', 'name==baz'])(image)).toBe(false);
  });

  it('take an absent field for an empty one in != and ~=, and for nothing in ==', () => {
    expect(compileFilters(['none!=x'])(image)).toBe(true);
    expect(compileFilters(['none~=^$'])(image)).toBe(true);
    expect(compileFilters(['none==""'])(image)).toBe(false);
    expect(compileFilters(['none'])(image)).toBe(false);
  });

  it('read escapes of Go strings in quotes', () => {
    expect(compileFilters(['name=="\\x66\\u006f\\157"'])(image)).toBe(true);
    expect(() => compileFilters(['name=="\\g"'])).toThrow('illegal escape sequence');
  });

  it.each([
    ['name=foo', 'unsupported operator "="'],
    ['name foo', 'expected an operator'],
    ['name==a b', 'unexpected input: '],
    ['name==', 'expected value or quoted'],
    ['name~=(', 'not a regular expression'],
    [' ', 'expected field or quoted'],
  ])('refuse %j: %s', (filter, reason) => {
    expect(() => compileFilters([filter])).toThrow(reason);
  });
});

function fieldsOf({ Name, Other, Labels }: Item): FieldLookup {
  return ([field, ...rest]) => {
    if (field === 'name') return Name || undefined;
    if (field === 'other') return Other;
    return field === 'labels' ? Labels?.[rest.join('.')] : undefined;
  };
}

function readTable(path: string): Table | undefined {
  try {
    return createRequire(import.meta.url)(resolve(path)) as Table;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return undefined;
    throw error;
  }
}
