import { describe, expect, it } from 'vitest';
import { parseOciLayout } from './layout.js';

const parse = (text: string) => parseOciLayout(Buffer.from(text));

describe('parseOciLayout', () => {
  it('accepts version 1.0.0, with whatever else stands there', () => {
    expect(parse('{"imageLayoutVersion":"1.0.0","extra":true}\n')).toEqual({ imageLayoutVersion: '1.0.0' });
  });

  it('names another version', () => {
    expect(() => parse('{"imageLayoutVersion":"2.0"}')).toThrow(
      expect.objectContaining({
        code: 'UNSUPPORTED',
        message: 'Cannot read oci-layout: unsupported OCI version "2.0"',
      }),
    );
  });

  it.each([
    ['{}', 'imageLayoutVersion is missing'],
    ['{"imageLayoutVersion":""}', 'imageLayoutVersion must be a version, not ""'],
    ['{"imageLayoutVersion":1}', 'imageLayoutVersion must be a string, not 1'],
    ['{"imageLayoutVersion":"1.0.0","imageLayoutVersion":"1.0.0"}', 'twice'],
    ['', 'it is empty'],
    ['{"imageLayoutVersion"', 'it ends in the middle'],
  ])('refuses %j: %s', (text, reason) => {
    expect(() => parse(text)).toThrow(reason);
  });
});
