import { expect, it } from 'vitest';
import { printable } from './printable.js';

it('Foreign text cannot move the cursor, end a line or turn the direction', () => {
  expect(printable('a\u001b[2Jb\nc\u009b\u202ed')).toBe('a\\x1b[2Jb\\x0ac\\x9b\\u202ed');
});

it('Text that can be shown stays as it is', () => {
  expect(printable('docker.io/library/é🐳:latest "x" \\')).toBe('docker.io/library/é🐳:latest "x" \\');
});
