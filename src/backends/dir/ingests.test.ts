import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { nodeFiles } from './node-files.js';
import { openStore } from './open-store.js';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stowage-ingests-'));
});
afterEach(() => rm(root, { recursive: true }));

/** Leaves an ingest that expired long ago; answers the file of its bytes. */
async function leaveExpired(): Promise<string> {
  await using store = await openStore({ root });
  const ingest = await store.content.openIngest('old');
  await ingest.write(Buffer.from('old bytes'));
  await ingest.close();
  const [name = ''] = await readdir(join(root, 'ingest'));
  const folder = join(root, 'ingest', name);
  const long = new Date('2001-01-01T00:00:00Z');
  for (const [file, key] of [
    ['ingest.json', 'startedAt'],
    ['progress.json', 'updatedAt'],
  ] as const) {
    const known = JSON.parse(await readFile(join(folder, file), 'utf8')) as object;
    await writeFile(join(folder, file), JSON.stringify({ ...known, [key]: long.toISOString() }));
  }
  await utimes(join(folder, 'data'), long, long);
  return join(folder, 'data');
}

/** The first write of another process; `before` comes between its look at old ingests and their removal. */
async function tidyUp(before: () => Promise<void> = async () => {}): Promise<readonly string[]> {
  const readText = async (path: string) => {
    const text = await nodeFiles.readText(path);
    if (path.endsWith('/holder')) await before();
    return text;
  };
  await using store = await openStore({ root }, { files: { ...nodeFiles, readText } });
  await store.content.put(undefined, () => Buffer.from('another blob'));
  const refs: string[] = [];
  for await (const { ref } of store.content.ingests()) refs.push(ref);
  return refs;
}

describe('an ingest that expired', () => {
  it('is removed by the next process that writes', async () => {
    await leaveExpired();
    assert.deepEqual(await tidyUp(), []);
  });

  it('stays if somebody goes on with it before it is removed', async () => {
    const data = await leaveExpired();
    assert.deepEqual(await tidyUp(() => writeFile(data, 'new bytes')), ['old']);
  });
});
