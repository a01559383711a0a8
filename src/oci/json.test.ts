import fc from 'fast-check';
import * as v from 'valibot';
import { describe, expect, it } from 'vitest';
import { isStowageError } from '../errors.js';
import { DEPTH_LIMIT, listOf, objectWith, parseJson, stringMap, validate } from './json.js';

const parse = (text: string | Uint8Array, options = {}) =>
  parseJson(Buffer.from(text), 'index.json', options);

describe('parseJson', () => {
  it('gives back every value that was written as JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__'));
        expect(parse(text, { uniqueKeys: true })).toEqual(JSON.parse(text));
      }),
    );
  });

  it.each([
    ['{"a":1} {"b":2}', 'it is not JSON'],
    ['{"a":1}\0', 'it is not JSON'],
    ['\ufeff{}', 'it is not JSON'],
    ["{'a':1}", 'it is not JSON'],
    ['[1,]', 'it is not JSON'],
    ['NaN', 'it is not JSON'],
    ['{"a":1', 'it ends in the middle of its JSON'],
    ['{"a', 'it ends in the middle of its JSON'],
    ['{"a":[tru', 'it ends in the middle of its JSON'],
    ['', 'it is empty'],
  ])('refuses %j: %s', (text, reason) => {
    expect(() => parse(text)).toThrow(`Cannot read index.json: ${reason}`);
  });

  it('refuses bytes that are not UTF-8', () => {
    expect(() => parse(Uint8Array.of(0x22, 0xff, 0x22))).toThrow('Cannot read index.json: it is not UTF-8');
  });

  it('refuses more bytes than the limit, and accepts as many', () => {
    expect(parse('[1,2]', { limit: 5 })).toEqual([1, 2]);
    const error = caught(() => parse('[1,2] ', { limit: 5 }));
    expect(isStowageError(error, 'LIMIT_EXCEEDED')).toBe(true);
    expect((error as Error).message).toBe('Cannot read index.json: it has 6 bytes, at most 5 are accepted');
  });

  it('refuses nesting beyond the limit, however deep, and counts no brackets in strings', () => {
    const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
    expect(parse(nested(DEPTH_LIMIT))).toBeInstanceOf(Array);
    for (const depth of [DEPTH_LIMIT + 1, 1_000_000]) {
      expect(
        isStowageError(
          caught(() => parse(nested(depth))),
          'LIMIT_EXCEEDED',
        ),
      ).toBe(true);
    }
    expect(parse(JSON.stringify(['"[{\\'.repeat(1000)]))).toEqual(['"[{\\'.repeat(1000)]);
  });

  it.each(['{"__proto__":{"polluted":1},"a":1}', '{"\\u005f_proto__":{"polluted":1},"a":1}'])(
    'leaves out the key in %s',
    (text) => {
      const value = parse(text) as object;
      expect(Object.getOwnPropertyNames(value)).toEqual(['a']);
      expect(Object.getOwnPropertyNames(parse(`[{"x":${text}}]`) as object)).toContain('0');
      expect('polluted' in Object.assign({}, value)).toBe(false);
    },
  );

  it('refuses a key that stands twice in one object only where that is asked for', () => {
    const twice = '{"a":[{"b":1},{"b":2}],"c" : 1, "\\u0063":2}';
    expect(parse(twice)).toEqual({ a: [{ b: 1 }, { b: 2 }], c: 2 });
    expect(() => parse(twice, { uniqueKeys: true })).toThrow('it has the key "c" twice');
  });
});

describe('validate', () => {
  const schema = objectWith({
    layers: listOf(objectWith({ size: v.pipe(v.number('a number'), v.minValue(0, 'zero or more')) })),
    labels: v.optional(stringMap),
  });

  it.each([
    [{ layers: [{ size: 1 }, { size: -1 }] }, 'layers[1].size must be zero or more, not -1'],
    [{ layers: [{ size: '1' }] }, 'layers[0].size must be a number, not "1"'],
    [{ layers: [{}] }, 'layers[0].size is missing'],
    [{ layers: 'none' }, 'layers must be a list, not "none"'],
    [{}, 'layers is missing'],
    [{ layers: [], labels: { a: 1 } }, 'labels must be an object of strings, not an object'],
    [{ layers: [[]] }, 'layers[0] must be an object, not a list'],
    [7, 'it must be an object, not 7'],
  ])('says of %j: %s', (value, problem) => {
    expect(() => validate(schema, value, 'it')).toThrow(`Cannot read it: ${problem}`);
  });

  it('stays on one line whatever the value is', () => {
    const error = caught(() => validate(schema, { layers: 'a\n'.repeat(500) }, 'it')) as Error;
    expect(error.message).toMatch(/^[^\n]{1,200}$/);
  });

  it('takes null for an empty list and keeps keys that objects have from birth', () => {
    const labels = { constructor: 'a', toString: 'b' };
    expect(validate(schema, { layers: null, labels }, 'it')).toEqual({ layers: [], labels });
  });
});

function caught(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
