import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { contentStoreSuite } from '../../testing/content-store-suite.js';
import { openStore } from './open-store.js';

describe('the dir backend', () => {
  let folder: string;
  let count = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-dir-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  contentStoreSuite({ describe, it }, () => openStore({ root: join(folder, `${count++}`) }));
});
