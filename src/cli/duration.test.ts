import { describe, expect, it } from 'vitest';
import { parseDuration } from './duration.js';

describe('parseDuration', () => {
  it('reads what Go writes', () => {
    const cases = {
      '0': 0,
      '24h': 86_400_000,
      '1h30m': 5_400_000,
      '1.5s': 1500,
      '.5m': 30_000,
      '2ms500us': 2.5,
    };
    for (const [text, milliseconds] of Object.entries(cases)) {
      expect(parseDuration(text), text).toBeCloseTo(milliseconds);
    }
    expect(parseDuration('1µs')).toBe(0.001);
  });

  it('refuses everything else', () => {
    for (const text of ['', '1', 'h', '1d', '-1h', '1h 30m', '1h30', 'x1h', '1hx', '1..5s']) {
      expect(() => parseDuration(text), text).toThrow(/is no duration, such as 24h/);
    }
  });

  it('refuses what is longer than a duration of Go', () => {
    expect(parseDuration('2562047h')).toBe(2_562_047 * 3_600_000);
    expect(() => parseDuration('2562048h')).toThrow(/longer than the longest duration/);
  });
});
