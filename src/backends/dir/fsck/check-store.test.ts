import assert from 'node:assert/strict';
import {
  appendFile,
  chmod,
  mkdir,
  readdir,
  readFile,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { encodedOf } from '../../../oci/digest.js';
import { layer } from '../../../testing/build-image.js';
import { base, both, brokenStore, configuration, image } from '../../../../test/support/broken-store.js';
import { rejectsWith } from '../../../testing/content.js';
import { openStore } from '../open-store.js';
import { checkStore } from './check-store.js';
import { folderForEach } from '../../../../test/support/temporary.js';

let folder: string;
let root: string;
folderForEach((made) => {
  folder = made;
  root = join(folder, 'root');
});

const { fill, pathOf, overwrite, tamper, beginIngest, findingsOf, finds } = brokenStore(() => root);

describe('a check of a store', () => {
  it('finds nothing in a sound one, and says what it looked at', async () => {
    await fill({ both });
    await fill({ image }, 'elsewhere');
    const report = await checkStore({ root });
    const bytes = [...both.blobs.values()].reduce((sum, blob) => sum + blob.byteLength, 0);
    assert.deepEqual(report, {
      verdict: 'sound',
      findings: [],
      damage: 0,
      warnings: 0,
      leftovers: 0,
      repaired: 0,
      blobs: { count: both.blobs.size, bytes, hashedBytes: bytes },
    });
    assert.equal((await checkStore({ root, hash: false })).blobs.hashedBytes, 0);
  });

  it('finds nothing in a store while this process has it open, under a lease', async () => {
    await fill({ image });
    const store = await openStore({ root });
    const lease = await store.leases.create();
    await store.under(lease).content.claim([base.descriptor]);
    assert.deepEqual(await findingsOf(), []);
    await store.close();
    assert.deepEqual(await findingsOf(), []);
  });

  it('makes no store where there is none, and takes nothing else for one', async () => {
    await rejectsWith('NOT_FOUND', checkStore({ root }));
    await mkdir(root);
    await rejectsWith('NOT_FOUND', checkStore({ root }));
    assert.deepEqual(await readdir(root), []);
    await writeFile(join(root, 'index.json'), '{"manifests":[]}');
    await rejectsWith('INVALID', checkStore({ root }));
  });

  it('tells its progress, and obeys its signal', async () => {
    await fill({ image });
    let [total, seen] = [0, 0];
    await checkStore({
      root,
      onProgress: (event) => {
        if (event.kind === 'total') total = event.totalBytes ?? 0;
        if (event.kind === 'bytes') seen += event.count;
      },
    });
    assert.ok(total > 5000);
    assert.equal(seen, total);
    const reason = new Error('enough');
    await assert.rejects(checkStore({ root, signal: AbortSignal.abort(reason) }), reason);
  });
});

describe('damage', () => {
  it('of one bit is found, with the images that need the blob', async () => {
    await fill({ image, both });
    await overwrite(base.descriptor.digest, (bytes) => (bytes[100]! ^= 1));
    const findings = await findingsOf();
    assert.deepEqual(
      findings.map(({ code, name }) => [code, name]),
      [
        ['blob-digest', undefined],
        ['image-incomplete', 'both'],
        ['image-incomplete', 'image'],
      ],
    );
    assert.equal(findings[0]!.where, `blobs/sha256/${encodedOf(base.descriptor.digest)}`);
    assert.deepEqual(findings[1]!.missing, [base.descriptor.digest]);
    assert.deepEqual(await findingsOf({ hash: false }), []);
  });

  it('by cutting a blob short is found without reading any', async () => {
    await fill({ image });
    await truncate(pathOf(base.descriptor.digest), 10);
    const findings = await findingsOf({ hash: false });
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['blob-size', 'image-incomplete'],
    );
    assert.match(findings[0]!.message, /has 10 bytes instead of/);
  });

  it('by removing a blob is found, and an image whose target is gone', async () => {
    await fill({ image });
    await unlink(pathOf(image.descriptor.digest));
    const { message } = await finds('blob-missing', 'image-target');
    assert.match(message, /its file is gone/);
  });

  it('by a link or a folder in the place of a blob is found', async () => {
    await fill({ image });
    await unlink(pathOf(base.descriptor.digest));
    await symlink('/dev/null', pathOf(base.descriptor.digest));
    await finds('blob-kind', 'image-incomplete');
  });

  it('by a permission to write is a warning', async () => {
    await fill({ image });
    await chmod(pathOf(base.descriptor.digest), 0o664);
    const { severity, message } = await finds('blob-mode');
    assert.equal(severity, 'warning');
    assert.match(message, /0664 instead of 0444/);
  });

  it('of the database is found: gone, empty, no database, a wrong page', async () => {
    const path = join(root, 'metadata.db');
    await fill({ image });
    const sound = await readFile(path);
    await unlink(path);
    await finds('database-missing');
    await writeFile(path, '');
    await finds('database-missing');
    await writeFile(path, 'x'.repeat(sound.length));
    await finds('database-damaged');
    const wrong = Buffer.from(sound);
    wrong.fill(0xff, 4096 + 100, 4096 * 3);
    await writeFile(path, wrong);
    await finds('database-damaged');
    await writeFile(path, sound);
    assert.deepEqual(await findingsOf(), []);
  });

  it('of records against each other is found', async () => {
    await fill({ image });
    await tamper(`DELETE FROM blobs WHERE digest = '${base.descriptor.digest}'`);
    await finds('blob-unrecorded', 'file-unrecorded');
    await tamper(`DELETE FROM content WHERE digest = '${base.descriptor.digest}'`);
    await finds('image-incomplete', 'file-unrecorded');
    await tamper(`UPDATE content SET labels = 'no' WHERE digest = '${image.descriptor.digest}'`);
    await finds('record-invalid', 'file-unrecorded');
    await tamper(`DELETE FROM content WHERE digest = '${configuration.descriptor.digest}'`);
    await finds('record-invalid', 'file-unrecorded', 'blob-unheld');
  });

  it('of index.json is told from a change by another program', async () => {
    await fill({ image });
    const path = join(root, 'index.json');
    const own = JSON.parse(await readFile(path, 'utf8')) as { manifests: object[] };
    await writeFile(path, '{"schemaVersion":2,"mani');
    await finds('index-damaged');
    await unlink(path);
    await finds('index-stale');
    const entry = { ...both.descriptor, annotations: { 'org.opencontainers.image.ref.name': 'new' } };
    await writeFile(path, JSON.stringify({ ...own, manifests: [...own.manifests, entry] }));
    const { severity, message } = await finds('index-foreign');
    assert.equal(severity, 'warning');
    assert.match(message, /1 entries added, 0 removed, 0 changed/);
    await writeFile(path, JSON.stringify({ ...own, annotations: { 'stowage.generation': '99' } }));
    assert.equal((await finds('index-stale')).severity, 'leftover');
    await unlink(join(root, 'oci-layout'));
    await writeFile(join(root, 'oci-layout'), '{}');
    await finds('index-stale', 'index-damaged');
  });
});

describe('what is no damage', () => {
  it('is a platform that was left out', async () => {
    const store = await openStore({ root });
    for (const [digest, bytes] of image.blobs) await store.content.put({ digest }, () => bytes);
    const bytes = both.blobs.get(both.descriptor.digest)!;
    await store.content.put(both.descriptor, () => bytes, {
      labels: { 'containerd.io/gc.ref.content.m.0': image.descriptor.digest },
    });
    await store.images.apply([{ op: 'create', name: 'sparse', target: both.descriptor }]);
    await store.close();
    assert.deepEqual(await findingsOf(), []);
  });

  it('is a file that is on no record, a leftover; one that is not even what its name says, too', async () => {
    await fill({ image });
    const stray = layer('stray', 'stray');
    await writeFile(pathOf(stray.descriptor.digest), stray.blobs.get(stray.descriptor.digest)!, {
      mode: 0o444,
    });
    assert.equal((await finds('file-unrecorded')).severity, 'leftover');
    await overwrite(stray.descriptor.digest, (bytes) => (bytes[0]! ^= 1));
    assert.match((await finds('file-unrecorded')).message, /on no record, and its content has the digest/);
  });

  it('is what the dead left: a holder, a lease, a write, a file elsewhere, a file half written', async () => {
    await fill({ image });
    const dead = '00000000-0000-4000-8000-000000000000';
    const now = Date.now();
    await tamper(`INSERT INTO holders VALUES ('${dead}', ${now});
      INSERT INTO leases (namespace, id, holder, created, expires, labels) VALUES
        ('default', 'l', '${dead}', ${now}, ${now + 1e6}, '{}');
      INSERT INTO temporary_files VALUES ('${join(folder, 'tmp')}', '${dead}');`);
    await writeFile(join(root, 'holders', `${dead}.db`), '');
    await beginIngest(`${dead} ${dead}`);
    await writeFile(join(root, 'index.json.tmp'), '{');
    const findings = await findingsOf();
    assert.deepEqual(
      findings.map(({ code }) => code),
      ['ingest-orphan', 'lease-orphan', 'temporary-file', 'holder-dead', 'half-written'],
    );
    assert.ok(findings.every(({ severity }) => severity === 'leftover'));
  });

  it('is a write that was closed to be gone on with', async () => {
    await fill({ image });
    await beginIngest('');
    assert.deepEqual(await findingsOf(), []);
  });

  it('is a write whose process has not yet said what it is for', async () => {
    await fill({ image });
    const ingest = join(root, 'ingest', 'a'.repeat(64));
    await mkdir(ingest);
    assert.deepEqual(await findingsOf(), []);
    await utimes(ingest, new Date(0), new Date(0));
    await finds('ingest-orphan');
  });

  it('is a name that no store makes, a warning', async () => {
    await fill({ image });
    await appendFile(join(root, 'blobs', 'notes'), '');
    await appendFile(join(root, 'blobs/sha256', 'README'), '');
    const findings = await findingsOf();
    assert.deepEqual(
      findings.map(({ code, where }) => [code, where]),
      [
        ['foreign-file', 'blobs/sha256/README'],
        ['foreign-file', 'blobs/notes'],
      ].sort((a, b) => a[1]!.localeCompare(b[1]!)),
    );
  });

  it('is a blob that was deleted when its process was killed', async () => {
    await fill({ image });
    const stray = layer('stray', 'stray');
    const store = await openStore({ root });
    await store.content.put(stray.descriptor, () => stray.blobs.get(stray.descriptor.digest)!);
    await store.close();
    await tamper(`DELETE FROM content WHERE digest = '${stray.descriptor.digest}';
      UPDATE blobs SET state = 'dying' WHERE digest = '${stray.descriptor.digest}'`);
    assert.equal((await finds('blob-dying')).severity, 'leftover');
  });
});
