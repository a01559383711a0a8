import { describe, expect, it } from 'vitest';
import { checkLabels, mergeLabels } from './labels.js';

const check = (labels: Record<string, string | null>) => () => checkLabels(labels, 'image "x"');

describe('labels', () => {
  it('may have 4096 bytes, key and value together', () => {
    expect(check({ key: 'v'.repeat(4093), gone: null })).not.toThrow();
    expect(check({ key: 'v'.repeat(4094) })).toThrowError(
      expect.objectContaining({
        code: 'INVALID',
        message:
          'Cannot label image "x": label key and value length (4097 bytes) greater than maximum size ' +
          '(4096 bytes), key: "key"',
      }),
    );
    expect(check({ ['ü'.repeat(2049)]: '' })).toThrowError(/4098 bytes/);
    expect(check({ '': 'v' })).toThrowError(/must not be empty/);
  });

  it('merge by key; null and empty values take away', () => {
    const labels = { b: '1', a: '1', c: '1', d: '1' };
    expect(mergeLabels(labels, { c: null, d: '', b: '2', e: '3', f: null })).toEqual({
      a: '1',
      b: '2',
      e: '3',
    });
    expect(Object.keys(mergeLabels(labels, {}))).toEqual(['a', 'b', 'c', 'd']);
    expect(labels).toEqual({ b: '1', a: '1', c: '1', d: '1' });
  });
});
