/** What fuzzing found, made small. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { importArchive } from '../../src/archive/index.js';
import { openMemoryStore } from '../../src/backends/memory/index.js';
import { tarOf } from '../support/build-archive.js';
import { dockerEntries } from '../support/build-docker-archive.js';

it('a layer that is a link to a document of the archive is found in a stream as it is in a file', async () => {
  const layer = { path: 'a/layer.tar', content: Buffer.from('{}') };
  const entries = dockerEntries([layer], ['odd:latest']).map((entry) =>
    entry.name === layer.path
      ? { name: layer.path, type: 'hard-link' as const, linkName: 'repositories' }
      : entry,
  );
  const tar = tarOf([{ name: 'repositories', content: '{}' }, ...entries]);
  const folder = await mkdtemp(join(tmpdir(), 'stowage-finding-'));
  try {
    const path = join(folder, 'x.tar');
    await writeFile(path, tar);
    const fromFile = await importArchive(openMemoryStore(), path);
    const fromStream = await importArchive(openMemoryStore(), [tar]);
    expect(fromStream.images[0]?.target.digest).toBe(fromFile.images[0]?.target.digest);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
