/** Places for tests, each of its own, and gone afterwards. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { openStore } from '../../src/backends/dir/open-store.js';
import type { Store } from '../../src/images/store.js';

export const makeFolder = (): Promise<string> => mkdtemp(join(tmpdir(), 'stowage-test-'));

/** Makes an empty folder before each test of the file, and tells which. */
export function folderForEach(use: (folder: string) => void): void {
  let folder: string;
  beforeEach(async () => {
    folder = await makeFolder();
    use(folder);
  });
  afterEach(() => rm(folder, { recursive: true }));
}

/** Opens a new store before each test of the file, and tells which. */
export function storeForEach(use: (opened: { readonly root: string; readonly store: Store }) => void): void {
  let opened: { readonly root: string; readonly store: Store };
  beforeEach(async () => {
    const root = await makeFolder();
    opened = { root, store: await openStore({ root }) };
    use(opened);
  });
  afterEach(async () => {
    await opened.store.close();
    await rm(opened.root, { recursive: true });
  });
}
