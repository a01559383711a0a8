import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { rejectsWith } from '../../testing/content.js';
import { openStore } from './open-store.js';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-temporary-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('a temporary file outside the root', () => {
  it('is on record under an absolute path only', async () => {
    const store = await openStore({ root: join(folder, 'root') });
    await rejectsWith('INVALID', store.temporaryFiles.reserve('relative.part'));
    await store.close();
  });

  it('may be forgotten when the store takes nothing any more: that changes nothing for the file', async () => {
    const store = await openStore({ root: join(folder, 'root') });
    const reservation = await store.temporaryFiles.reserve(join(folder, 'some.part'));
    await store.close();
    await expect(reservation.forget()).resolves.toBeUndefined();
  });
});
