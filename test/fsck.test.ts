/** The check and the repair of a store beside other processes, and ended in the middle. */
import assert from 'node:assert/strict';
import { readdir, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'vitest';
import { putImage, layer } from '../src/testing/build-image.js';
import { collect } from '../src/testing/content.js';
import { openStore } from '../src/index.js';
import { outcomeOf, start } from './cli/world.js';
import { base, both, brokenStore, configuration, image } from './support/broken-store.js';
import { childLibrary, runChild, succeeds } from './support/children.js';
import { folderForEach } from './support/temporary.js';

let folder: string;
let root: string;
folderForEach((made) => {
  folder = made;
  root = join(folder, 'root');
});

const { fill, pathOf, overwrite, tamper, beginIngest, findingsOf } = brokenStore(() => root);

it('A check beside a busy writer finds nothing', async () => {
  await fill({ both });
  // Content that comes and goes, under leases and without, with names and without.
  const code = `const store = await openStore({ root });
    const name = 'x' + process.pid + '-';
    let running = true;
    process.stdin.on('end', () => (running = false)).resume();
    for (let round = 0; running; round++) {
      const lease = await store.leases.create();
      const put = (bytes) => store.under(lease).content.put(undefined, () => bytes);
      const blobs = await Promise.all([1, 2, 3].map((seed) => put(Buffer.alloc(1000 * seed, seed + round % 5))));
      const target = { mediaType: 'a/b', ...blobs[0] };
      await store.images.apply([{ op: 'create', name: name + round, target }]);
      if (round === 0) say('begun');
      await store.images.apply([{ op: 'delete', name: name + round }]);
      for (const { digest } of blobs) await store.content.delete(digest);
      await lease.release();
    }
    await store.close();`;
  const library = await childLibrary();
  const writers = [1, 2].map(() => runChild(library, root, code));
  for (const { firstLine } of writers) assert.equal(await firstLine, 'begun');
  for (let round = 0; round < 10; round++) assert.deepEqual(await findingsOf(), []);
  for (const { child } of writers) child.stdin.end();
  for (const writer of writers) assert.equal(await succeeds(writer), 'begun');
  assert.deepEqual(await findingsOf(), []);
});

it('A repair that is killed again and again is done by the next one', async () => {
  const stray = layer('stray', 'stray');
  for (let round = 0; round < 6; round++) {
    root = join(folder, `${round}`);
    await fill({ image, both });
    await overwrite(base.descriptor.digest, (bytes) => (bytes[3]! ^= 1));
    await unlink(pathOf(configuration.descriptor.digest));
    await writeFile(pathOf(stray.descriptor.digest), stray.bytes, { mode: 0o444 });
    await symlink('/dev/null', join(root, 'blobs', 'md5'));
    await beginIngest('00000000-0000-4000-8000-000000000000 00000000-0000-4000-8000-000000000000');
    if (round % 2 === 1) await unlink(join(root, 'metadata.db'));
    else await tamper(`DELETE FROM blobs WHERE digest = '${image.descriptor.digest}'`);

    for (let kill = 0; kill < 4; kill++) {
      const child = start(folder, ['--root', root, 'fsck', '--repair']);
      const timer = setTimeout(() => child.kill('SIGKILL'), 100 + Math.random() * 400);
      await outcomeOf(child);
      clearTimeout(timer);
    }
    await findingsOf({ repair: true });
    const findings = await findingsOf();
    assert.deepEqual(
      findings.map(({ code, name }) => [code, name]),
      [
        ['image-incomplete', 'both'],
        ['image-incomplete', 'image'],
      ],
    );
    // Nothing is lost that was not lost before.
    const names = (await readdir(join(root, 'quarantine'))).map((name) => name.replace(/^\d+-/, ''));
    for (const { digest } of [base.descriptor, stray.descriptor]) {
      assert.ok(
        names.includes(digest.replace(':', '-')),
        `${digest} is not in quarantine: ${names.join(' ')}`,
      );
    }
    const store = await openStore({ root });
    await putImage(store.content, both);
    for (const name of ['both', 'image']) {
      const record = await store.images.get(name);
      assert.ok(record, name);
      await collect(store.content.read(record.target));
    }
    await store.close();
    assert.deepEqual(await findingsOf(), []);
  }
}, 120_000);
