import { describe, expect, it } from 'vitest';
import { formatLabels, parseLabelChanges, parseLabels } from './labels.js';

describe('label arguments', () => {
  it('set, set to true, and take away', () => {
    expect(parseLabelChanges(['a=b', 'c', 'd=', 'e=f=g'], ['images', 'label'])).toEqual({
      a: 'b',
      c: 'true',
      d: null,
      e: 'f=g',
    });
  });

  it('need a key, and a value where there is nothing to take away', () => {
    expect(() => parseLabelChanges(['=b'], ['images', 'label'])).toThrow('label "=b" has no key');
    expect(() => parseLabels(['a='], ['images', 'label'])).toThrow('label "a=" has no value');
  });

  it('with odd keys are labels like any other', () => {
    expect(Object.keys(parseLabelChanges(['__proto__=x'], ['images', 'label']))).toEqual(['__proto__']);
  });

  it('are shown sorted', () => {
    expect(formatLabels({ b: '2', a: '1' })).toBe('a=1,b=2');
  });
});
