import { describe, expect, it } from 'vitest';
import { age, binarySize, clock, decimalSize } from './units.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('units', () => {
  it.each([
    [0, '0.0 B'],
    [1023, '1023.0 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [1280, '1.2 KiB'],
    [1408, '1.4 KiB'],
    [5 * 2 ** 32, '20.0 GiB'],
    [2 ** 53 - 1, '8.0 PiB'],
  ])('%d bytes are %s, rounded to even as printf does', (bytes, text) => {
    expect(binarySize(bytes)).toBe(text);
  });

  it.each([
    [0, '0B'],
    [999, '999B'],
    [1000, '1kB'],
    [1732, '1.732kB'],
    [123456, '123.5kB'],
    [1062500, '1.062MB'],
    [12345678901, '12.35GB'],
    [999999, '1000kB'],
  ])('%d bytes are %s in four decimal digits', (bytes, text) => {
    expect(decimalSize(bytes)).toBe(text);
  });

  it.each([
    [-5 * SECOND, 'Less than a second'],
    [999, 'Less than a second'],
    [SECOND, '1 second'],
    [59 * SECOND, '59 seconds'],
    [MINUTE, 'About a minute'],
    [59 * MINUTE, '59 minutes'],
    [HOUR, 'About an hour'],
    [47 * HOUR, '47 hours'],
    [2 * DAY, '2 days'],
    [14 * DAY, '2 weeks'],
    [60 * DAY, '2 months'],
    [730 * DAY, '2 years'],
  ])('%d ms ago is %s', (milliseconds, text) => {
    expect(age(milliseconds)).toBe(text);
  });

  it.each([
    [0, '0:00'],
    [6.2, '0:07'],
    [754, '12:34'],
    [3723, '1:02:03'],
  ])('%d seconds left are %s', (seconds, text) => {
    expect(clock(seconds)).toBe(text);
  });
});
