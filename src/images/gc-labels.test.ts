import { describe, expect, it } from 'vitest';
import { expiryOf, GC_EXPIRE, GC_REF_CONTENT, hasExpired, isKeyOf } from './gc-labels.js';

describe('expiryOf', () => {
  it('reads RFC 3339 as containerd does', () => {
    const valid = {
      '2020-01-02T03:04:05Z': '2020-01-02T03:04:05.000Z',
      '2020-01-02T03:04:05+02:00': '2020-01-02T01:04:05.000Z',
      '2020-01-02T03:04:05.123456789-00:30': '2020-01-02T03:34:05.123Z',
      '2024-02-29T23:59:59Z': '2024-02-29T23:59:59.000Z',
    };
    for (const [text, moment] of Object.entries(valid)) {
      expect(expiryOf({ [GC_EXPIRE]: text })?.toISOString(), text).toBe(moment);
    }
  });

  it('ignores everything else', () => {
    const invalid = [
      ...['', 'tomorrow', '2020-01-02', '2020-01-02T03:04:05', '2020-01-02 03:04:05Z', '1577934245'],
      ...['2020-02-30T00:00:00Z', '2023-02-29T00:00:00Z', '2020-13-01T00:00:00Z', '2020-00-01T00:00:00Z'],
      ...['2020-01-02T24:00:00Z', '2020-01-02T03:04:60Z', '2020-01-02t03:04:05z', ' 2020-01-02T03:04:05Z'],
    ];
    for (const text of invalid) expect(expiryOf({ [GC_EXPIRE]: text }), text).toBeUndefined();
    expect(expiryOf({})).toBeUndefined();
  });
});

describe('hasExpired', () => {
  it('is so after the moment, not at it, and never without one', () => {
    const moment = new Date(1000);
    expect(hasExpired(moment, new Date(999))).toBe(false);
    expect(hasExpired(moment, moment)).toBe(false);
    expect(hasExpired(moment, new Date(1001))).toBe(true);
    expect(hasExpired(undefined, new Date(8.64e15))).toBe(false);
  });
});

describe('isKeyOf', () => {
  it('takes the key itself and names behind a dot or a slash', () => {
    for (const end of ['', '.', '.l.0', '/', '/config']) {
      expect(isKeyOf(GC_REF_CONTENT, GC_REF_CONTENT + end), end).toBe(true);
    }
    for (const key of [`${GC_REF_CONTENT}s`, `${GC_REF_CONTENT}-x`, 'containerd.io/gc.ref', 'content']) {
      expect(isKeyOf(GC_REF_CONTENT, key), key).toBe(false);
    }
  });
});
