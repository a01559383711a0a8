import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import type { Store } from '../../images/store.js';
import { bytesOf } from '../../testing/content.js';
import { checkStore } from './fsck/check-store.js';
import { nodeFiles } from './node-files.js';
import { openStore } from './open-store.js';
import { folderForEach, storeForEach } from '../../../test/support/temporary.js';

let root: string;
let store: Store;

storeForEach((opened) => ({ root, store } = opened));

describe('an ingest that nobody continues', () => {
  const left = async (name: string, holder: string | undefined, ageHours: number) => {
    const folder = join(root, 'ingest', name);
    await mkdir(folder);
    const files = ['data', ...(holder === undefined ? [] : ['holder'])];
    for (const file of files) await writeFile(join(folder, file), file === 'holder' ? (holder ?? '') : 'x');
    const time = new Date(Date.now() - ageHours * 3_600_000);
    for (const file of files) await utimes(join(folder, file), time, time);
    await utimes(folder, time, time);
  };

  it('is removed after a day by the next one who writes', async () => {
    const dead = '00000000-0000-4000-8000-000000000000';
    await left('old', dead, 25);
    await left('young', dead, 23);
    await left('old-of-nobody', undefined, 25);
    await left('old-after-a-power-cut', '', 25);
    await left('young-of-nobody', undefined, 23);
    await store.content.put(undefined, () => bytesOf(1, 1000));
    assert.deepEqual((await readdir(join(root, 'ingest'))).sort(), ['young', 'young-of-nobody']);
  });
});

describe('an ingest that is about to appear', () => {
  const begin = async (holder: string) => {
    const name = `new-${holder}.00000000-0000-4000-8000-000000000001`;
    await mkdir(join(root, 'ingest', name));
    await writeFile(join(root, 'ingest', name, 'holder'), `${holder} 00000000-0000-4000-8000-000000000001`);
    return name;
  };

  it('goes with the next collection if whoever made it is dead, and is left to the living', async () => {
    await store.content.put(undefined, () => bytesOf(2, 10));
    const [living = ''] = await readdir(join(root, 'holders'));
    const begun = await begin(living.replace('.db', ''));
    await begin('00000000-0000-4000-8000-000000000000');
    const report = await checkStore({ root });
    assert.deepEqual(
      report.findings.map(({ code, where }) => `${code} ${where}`),
      ['ingest-orphan ingest/new-00000000-0000-4000-8000-000000000000.00000000-0000-4000-8000-000000000001'],
    );
    await store.collector.collect({ thorough: true });
    assert.deepEqual(await readdir(join(root, 'ingest')), [begun]);
  });
});

describe('an ingest that expired', () => {
  let root: string;
  folderForEach((made) => (root = made));

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

  it('is removed by the next process that writes', async () => {
    await leaveExpired();
    assert.deepEqual(await tidyUp(), []);
  });

  it('stays if somebody goes on with it before it is removed', async () => {
    const data = await leaveExpired();
    assert.deepEqual(await tidyUp(() => writeFile(data, 'new bytes')), ['old']);
  });
});
