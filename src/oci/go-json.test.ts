import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { goJson } from './go-json.js';

describe('goJson', () => {
  it('writes what every reader of JSON reads back, without a character that HTML or JavaScript would act on', () => {
    const { value: json } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.string({ unit: 'binary' }),
        fc.maxSafeInteger(),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('value')),
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          tie('value'),
          { noNullPrototype: true },
        ),
      ),
    }));
    fc.assert(
      fc.property(json, (value) => {
        const text = goJson(value);
        expect(text).not.toMatch(/[<>&\u2028\u2029\n]/);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('escapes as Go does', () => {
    expect(goJson('<a href="x">&\u2028\u2029\u007f\b\f\n\t\u0001é😀')).toBe(
      '"\\u003ca href=\\"x\\"\\u003e\\u0026\\u2028\\u2029\u007f\\b\\f\\n\\t\\u0001é😀"',
    );
  });

  it('keeps the order of objects, and sorts maps and annotations by bytes', () => {
    expect(goJson({ b: 1, a: undefined, annotations: { 10: 'x', 9: 'y', '!': 'z' } })).toBe(
      '{"b":1,"annotations":{"!":"z","10":"x","9":"y"}}',
    );
    const map = new Map([
      ['\u{10000}', 1],
      ['\uffff', 2],
    ]);
    expect(goJson({ map })).toBe('{"map":{"\uffff":2,"\u{10000}":1}}');
  });

  it.each([1.5, 2 ** 53, Number.NaN, undefined, 1n, () => 1])('refuses %s', (value) => {
    expect(() => goJson(value)).toThrow(TypeError);
  });
});
