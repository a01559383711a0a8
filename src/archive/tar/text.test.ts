import { describe, expect, it } from 'vitest';
import { decodeText, quote } from './text.js';

describe('decodeText', () => {
  it('reads UTF-8, a byte order mark included', () => {
    expect(decodeText(Buffer.from('\ufeffgrün'))).toBe('\ufeffgrün');
  });

  it('reads bytes that are not UTF-8 one by one', () => {
    expect(decodeText(Buffer.of(0x68, 0x69, 0x80, 0xff))).toBe('hi\x80\xff');
  });
});

describe('quote', () => {
  it('gives one line of text that no terminal obeys', () => {
    expect(quote('a\n\x1b[31m\x9b31m\u202e\u2028"')).toBe('"a\\n\\u001b[31m\\u009b31m\\u202e\\u2028\\""');
  });

  it('cuts what nobody would read', () => {
    expect(quote('x'.repeat(1e6)).length).toBe(303);
  });
});
