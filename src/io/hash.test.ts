import { readFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../testing/content.js';
import { createHasher, digestOf } from './hash.js';

describe('hash', () => {
  it.each(['sha256', 'sha512'] as const)('computes %s as coreutils do', async (algorithm) => {
    const path = fileURLToPath(import.meta.url);
    const { stdout } = await promisify(execFile)(`${algorithm}sum`, [path]);
    expect(digestOf(await readFile(path), algorithm)).toBe(`${algorithm}:${stdout.split(' ')[0]}`);
  });

  it('comes to the same however the bytes are cut', () => {
    const bytes = bytesOf(1, 1000);
    const hasher = createHasher('sha256');
    for (let at = 0; at < bytes.length; at += 33) hasher.update(bytes.subarray(at, at + 33));
    expect(hasher.digest()).toBe(digestOf(bytes));
  });
});
