import { describe, expect, it } from 'vitest';
import { matchesPathPattern } from './path-pattern.js';

describe('matchesPathPattern', () => {
  it.each([
    ['abc', 'abc', true],
    ['*', 'abc', true],
    ['*', 'a/c', false],
    ['*c', 'abc', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/f', true],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['ab[b-d]', 'abc', true],
    ['ab[^b-d]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a[^a][^a]b', 'a☺b', false],
    ['[a-ζ]*', 'α', true],
    ['a?b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[\\-x]', '-', true],
    ['*x', 'xxx', true],
    ['', '', true],
    ['', 'a', false],
  ])('%j matches %j: %s', (pattern, text, expected) => {
    expect(matchesPathPattern(pattern, text)).toBe(expected);
  });

  it.each(['[]a]', '[-]', '[x-]', '[a-b-c]', '[', '[^', 'a[', '\\', '[a-'])('refuses %j', (pattern) => {
    expect(() => matchesPathPattern(pattern, 'a')).toThrow('it is malformed');
  });

  it('answers at once to many stars', () => {
    expect(matchesPathPattern(`${'*a'.repeat(100)}b`, 'a'.repeat(1000))).toBe(false);
  });
});
