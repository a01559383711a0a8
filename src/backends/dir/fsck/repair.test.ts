import assert from 'node:assert/strict';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  stat,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { base, both, brokenStore, configuration, image } from '../../../../test/support/broken-store.js';
import { REF_NAME } from '../../../oci/annotation.js';
import { encodedOf, type Digest } from '../../../oci/digest.js';
import { layer, putImage, type Built } from '../../../testing/build-image.js';
import { bytesOf, collect, listOf, rejectsWith } from '../../../testing/content.js';
import { openStore } from '../open-store.js';
import type { StoreFinding } from './report.js';
import { folderForEach } from '../../../../test/support/temporary.js';

let folder: string;
let root: string;
folderForEach((made) => {
  folder = made;
  root = join(folder, 'root');
});

const { fill, pathOf, overwrite, tamper, beginIngest, findingsOf } = brokenStore(() => root);

const repair = () => findingsOf({ repair: true });
const codes = (findings: readonly StoreFinding[]) => findings.map(({ code }) => code).sort();
const open = (findings: readonly StoreFinding[]) =>
  codes(findings.filter(({ repaired }) => repaired === undefined));
const quarantined = async () => (await readdir(join(root, 'quarantine'))).sort();
const baseName = `sha256-${encodedOf(base.descriptor.digest)}`;

async function isWhole(built: Built, name: string): Promise<void> {
  const store = await openStore({ root });
  assert.equal((await store.images.get(name))?.target.digest, built.descriptor.digest);
  for (const [digest, bytes] of built.blobs) {
    assert.ok((await collect(store.content.read({ digest }))).equals(bytes));
  }
  await store.close();
}

/** As an import does that finds out what is missing. */
async function store(built: Built): Promise<void> {
  const opened = await openStore({ root });
  await putImage(opened.content, built);
  await opened.close();
}

async function writeBlob(built: Built): Promise<void> {
  for (const [digest, bytes] of built.blobs) {
    await writeFile(pathOf(digest), bytes, { mode: 0o444 }).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EACCES') throw error;
    });
  }
}

describe('repair', () => {
  it('of a sound store does nothing, and makes none where there is none', async () => {
    await rejectsWith('NOT_FOUND', repair());
    await fill({ image });
    assert.deepEqual(await repair(), []);
    assert.equal((await readdir(root)).includes('quarantine'), false);
  });

  const damages: readonly (readonly [
    what: string,
    damage: (digest: Digest) => Promise<void>,
    moved: boolean,
  ])[] = [
    ['a wrong bit', (digest) => overwrite(digest, (bytes) => (bytes[7]! ^= 1)), true],
    ['a missing end', (digest) => truncate(pathOf(digest), 10), true],
    ['a link', async (digest) => (await unlink(pathOf(digest)), symlink('/dev/null', pathOf(digest))), true],
    ['nothing', (digest) => unlink(pathOf(digest)), false],
  ];
  for (const [what, damage, moved] of damages) {
    it(`where ${what} is in the place of a blob leaves what only an import heals, and that does`, async () => {
      await fill({ image, both });
      await damage(base.descriptor.digest);
      const findings = await repair();
      assert.deepEqual(open(findings), ['image-incomplete', 'image-incomplete']);
      if (moved) assert.deepEqual(await quarantined(), [baseName]);
      const again = await findingsOf();
      assert.deepEqual(codes(again), ['image-incomplete', 'image-incomplete']);
      assert.match(again[0]!.hint ?? '', /import the image again/);
      await store(image);
      assert.deepEqual(await findingsOf(), []);
      await isWhole(both, 'both');
    });
  }

  it('keeps the name of an image whose target is gone', async () => {
    await fill({ image });
    await unlink(pathOf(image.descriptor.digest));
    assert.deepEqual(open(await repair()), ['image-target']);
    await store(image);
    // The labels went with the manifest; a real import writes them again.
    assert.deepEqual(await findingsOf(), []);
    await isWhole(image, 'image');
  });

  it('sets permissions right', async () => {
    await fill({ image });
    await chmod(pathOf(base.descriptor.digest), 0o666);
    assert.deepEqual(open(await repair()), []);
    assert.equal((await stat(pathOf(base.descriptor.digest))).mode & 0o777, 0o444);
  });

  it('gives a file its record back if an image needs it, and moves it away else', async () => {
    await fill({ both });
    const stray = layer('stray', 'stray');
    await writeBlob(stray);
    for (const digest of [base.descriptor.digest, image.descriptor.digest]) {
      await tamper(
        `DELETE FROM blobs WHERE digest = '${digest}'; DELETE FROM content WHERE digest = '${digest}'`,
      );
    }
    const findings = await repair();
    assert.deepEqual(codes(findings), ['file-unrecorded', 'file-unrecorded', 'file-unrecorded']);
    assert.deepEqual(await quarantined(), [`sha256-${encodedOf(stray.descriptor.digest)}`]);
    assert.deepEqual(await findingsOf(), []);
    await isWhole(both, 'both');
  });

  it('mends records that contradict each other', async () => {
    await fill({ image });
    await tamper(`DELETE FROM blobs WHERE digest = '${base.descriptor.digest}';
      UPDATE content SET labels = 'no' WHERE digest = '${image.descriptor.digest}';
      DELETE FROM content WHERE digest = '${configuration.descriptor.digest}';
      INSERT INTO lease_resources (namespace, lease, type, id) VALUES ('default', 'gone', 'content', 'x')`);
    assert.deepEqual(open(await repair()), []);
    assert.deepEqual(await findingsOf(), []);
    await isWhole(image, 'image');
  });

  it('clears what the dead left, and nothing of the living', async () => {
    await fill({ image });
    const living = await openStore({ root });
    const lease = await living.leases.create();
    const dead = '00000000-0000-4000-8000-000000000000';
    const file = join(folder, 'tmp');
    await writeFile(file, 'half');
    await tamper(`INSERT INTO holders VALUES ('${dead}', 1);
      INSERT INTO leases (namespace, id, holder, created, expires, labels) VALUES
        ('default', 'l', '${dead}', 1, ${Date.now() + 1e6}, '{}'),
        ('default', 'orphan', NULL, 1, ${Date.now() + 1e6}, '{}');
      INSERT INTO temporary_files VALUES ('${file}', '${dead}');`);
    await writeFile(join(root, 'holders', `${dead}.db`), '');
    await beginIngest(`${dead} ${dead}`);
    await writeFile(join(root, 'index.json.tmp'), '{');
    await repair();
    assert.deepEqual(await findingsOf(), []);
    await assert.rejects(stat(file), { code: 'ENOENT' });
    assert.deepEqual(await readdir(join(root, 'ingest')), []);
    assert.deepEqual(
      (await listOf(living.leases.list())).map(({ id }) => id),
      [lease.id],
    );
    await living.close();
  });

  it('moves away what no store makes, twice the same name', async () => {
    await fill({ image });
    for (const round of ['1', '2']) {
      await writeFile(join(root, 'blobs/sha256', 'notes'), round);
      await mkdir(join(root, 'blobs', 'md5'));
      assert.deepEqual(open(await repair()), []);
    }
    assert.deepEqual(await quarantined(), ['2-md5', '2-sha256-notes', 'md5', 'sha256-notes']);
    assert.deepEqual(await findingsOf(), []);
  });

  it('makes images of what another program added to index.json, and keeps its own', async () => {
    await fill({ image });
    await writeBlob(both);
    const path = join(root, 'index.json');
    const own = JSON.parse(await readFile(path, 'utf8')) as { manifests: object[] };
    const nothing = {
      ...both.descriptor,
      digest: `sha256:${'0'.repeat(64)}`,
      annotations: { [REF_NAME]: 'no' },
    };
    const added = { ...both.descriptor, annotations: { [REF_NAME]: 'both', other: 'kept' } };
    const moved = { ...both.descriptor, annotations: { [REF_NAME]: 'image' } };
    await writeFile(path, JSON.stringify({ schemaVersion: 2, manifests: [moved, added, nothing] }));
    const findings = await repair();
    assert.deepEqual(open(findings), []);
    assert.match(
      findings.find(({ code }) => code === 'index-foreign')!.repaired!,
      /images of its entries: both$/,
    );
    assert.deepEqual(await findingsOf(), []);
    await isWhole(both, 'both');
    await isWhole(image, 'image');
    const opened = await openStore({ root });
    assert.deepEqual((await opened.images.get('both'))?.target.annotations, { other: 'kept' });
    await opened.close();
    assert.equal(JSON.parse(await readFile(path, 'utf8')).manifests.length, own.manifests.length + 1);
  });

  it('writes index.json and oci-layout anew', async () => {
    await fill({ image });
    const path = join(root, 'index.json');
    const { manifests } = JSON.parse(await readFile(path, 'utf8')) as { manifests: object[] };
    for (const text of ['{"manif', undefined, '{"manifests":[],"annotations":{"stowage.generation":"77"}}']) {
      await (text === undefined ? unlink(path) : writeFile(path, text));
      await writeFile(join(root, 'oci-layout'), '{}');
      assert.deepEqual(open(await repair()), []);
      assert.deepEqual(JSON.parse(await readFile(path, 'utf8')).manifests, manifests);
    }
    assert.deepEqual(await findingsOf(), []);
  });
});

describe('repair of a database', () => {
  const losses: readonly (readonly [what: string, lose: (path: string) => Promise<void>])[] = [
    ['that is gone', (path) => unlink(path)],
    ['that is empty', (path) => truncate(path, 0)],
    ['that is something else', (path) => writeFile(path, bytesOf(3, 30_000))],
    [
      'with wrong pages',
      async (path) => {
        const bytes = await readFile(path);
        await writeFile(path, bytes.fill(0xff, 4196, 4096 * 3));
      },
    ],
  ];
  for (const [what, lose] of losses) {
    it(`${what} makes one from index.json and the blobs`, async () => {
      await fill({ image, both });
      await fill({ elsewhere: image }, 'other');
      const stray = layer('stray', 'stray');
      await writeBlob(stray);
      await lose(join(root, 'metadata.db'));
      assert.deepEqual(codes(await findingsOf()).length, 1);
      const findings = await repair();
      assert.deepEqual(open(findings), []);
      assert.match(findings[0]!.repaired!, /made a new one with 2 images from index.json/);
      assert.deepEqual(await findingsOf(), []);
      await isWhole(both, 'both');
      await isWhole(image, 'image');
    });
  }

  it('without index.json makes images of the manifests that nothing refers to', async () => {
    await fill({ both });
    await unlink(join(root, 'metadata.db'));
    await unlink(join(root, 'index.json'));
    await rejectsWith('CORRUPT', openStore({ root }));
    assert.deepEqual(open(await repair()), []);
    assert.deepEqual(await findingsOf(), []);
    await isWhole(both, `recovered@${both.descriptor.digest}`);
  });

  it('is refused while others use the store', async () => {
    await fill({ image });
    const living = await openStore({ root });
    await living.leases.create();
    await unlink(join(root, 'metadata.db'));
    await rejectsWith('BUSY', repair());
    await living.close().catch(() => {});
  });
});
