import assert from 'node:assert/strict';
import { utimesSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { checkStore } from '../../src/backends/dir/index.js';
import { config, layer, manifest } from '../../src/testing/build-image.js';
import { rejectsWith } from '../../src/testing/content.js';
import { layoutTar, named } from '../support/build-archive.js';
import { refuseDamage } from './judge.js';
import { COMMAND, outcomeOf, run, successOf, type Outcome } from './outcome.js';

/**
 * Real commands on a real file system that is full: at any point of their work they say so in a line, nothing is half
 * there, they succeed when there is space, and space can be made with the store's own commands.
 */

const SIZE = 24 << 20;

const problem = await mountProblem();

async function mountProblem(): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-mount-'));
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
    await run('umount', [folder]);
    return undefined;
  } catch {
    return 'only root can mount a small disk';
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

let folder: string;
let disk: string;
let root: string;

beforeEach(async () => {
  if (problem !== undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'stowage-full-'));
  disk = join(folder, 'disk');
  root = join(disk, 'root');
  await mkdir(disk);
  await run('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', disk]);
});
afterEach(async () => {
  if (problem !== undefined) return;
  // The package for SQLite closes its files when what used them is collected.
  await run('umount', ['-l', disk]);
  await rm(folder, { recursive: true });
});

const stowage = (...args: string[]) => stowageFrom('/dev/null', ...args);

/** With a file as its standard input. */
async function stowageFrom(input: string, ...args: string[]): Promise<Outcome> {
  const command = [process.execPath, COMMAND, '--root', root, ...args];
  return outcomeOf('sh', ['-c', 'exec "$@" < "$0"', input, ...command]);
}

const succeeds = async (...args: string[]) => successOf(await stowage(...args), args);

/** Leaves so many bytes of the disk. */
async function fill(bytes: number): Promise<void> {
  await release();
  const { bavail, bsize } = await statfs(disk);
  const count = bavail * bsize - bytes;
  if (count > 0) await writeFile(join(disk, 'ballast'), Buffer.alloc(count));
}

async function release(): Promise<void> {
  await rm(join(disk, 'ballast'), { force: true });
}

/** One line that names what could not be written. */
function assertNoSpace({ status, stderr }: Outcome, what: string): void {
  assert.equal(status, 1, `${what}: ${stderr}`);
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('hint') && !/^ {2}/.test(line));
  const errors = lines.filter((line) => /no space left on the disk/.test(line));
  assert.equal(errors.length, 1, `${what}: ${stderr}`);
  assert.doesNotMatch(stderr, /\n {4}at /, what);
}

const first = manifest(
  config({ created: '2020-01-01T00:00:00Z' }),
  layer('a', Buffer.alloc(900_000, 'one ')),
);
const second = manifest(
  config({ created: '2021-01-01T00:00:00Z' }),
  layer('b', Buffer.alloc(700_000, 'two ')),
);
const FIRST = 'example.com/first:1';
const SECOND = 'example.com/second:1';

async function archive(name: string, image: typeof first): Promise<string> {
  const path = join(folder, `${name.replaceAll(/[^a-z]/g, '-')}.tar`);
  await writeFile(path, layoutTar(named(name, image)));
  return path;
}

/** Bytes that are left when a command starts: the disk is full at once, soon, in the middle, near the end. */
const LEFT = [0, 4096, 16_384, 40_960, 65_536, 131_072, 262_144, 524_288, 700_000, 1_000_000];

describe.skipIf(problem !== undefined)('on a full disk', () => {
  it('an import fails in a line at any point, and succeeds when there is space', async () => {
    await succeeds('images', 'import', await archive(SECOND, second));
    let failures = 0;
    for (const left of LEFT) {
      const image = manifest(config({ left }), layer('a', Buffer.alloc(900_000, `${left} `)));
      const path = await archive(FIRST, image);
      await fill(left);
      const outcome = await stowage('images', 'import', path);
      if (outcome.status !== 0) {
        failures++;
        assertNoSpace(outcome, `import with ${left} bytes left`);
        assert.equal(await succeeds('images', 'ls', '-q'), SECOND);
      }
      await release();
      await refuseDamage(root);
      await succeeds('images', 'import', path);
      await succeeds('images', 'rm', FIRST);
    }
    assert.ok(failures >= 5, `${failures} failures`);
  });

  it('a store cannot be made, says so, and can be made when there is space', async () => {
    const path = await archive(FIRST, first);
    for (const left of [0, 4096, 8192, 16_384, 40_960, 65_536]) {
      await fill(left);
      assertNoSpace(await stowage('images', 'import', path), `first import with ${left} bytes left`);
      await release();
      await succeeds('images', 'import', path);
      await rm(root, { recursive: true });
    }
  });

  it('an export leaves the old file and no other, and succeeds when there is space', async () => {
    await succeeds('images', 'import', await archive(FIRST, first));
    const out = join(disk, 'out.tar');
    await writeFile(out, 'old');
    const before = (await readdir(disk)).sort();
    for (const left of [4096, 100_000, 500_000]) {
      await fill(left);
      assertNoSpace(await stowage('images', 'export', out, FIRST), `export with ${left} bytes left`);
      await release();
      assert.deepEqual((await readdir(disk)).sort(), before);
      await refuseDamage(root);
    }
    await succeeds('images', 'export', out, FIRST);
    await succeeds('images', 'import', '--dry-run', out);
  });

  it('an image can be exported to another disk, to a folder there and to a pipe', async () => {
    await succeeds('images', 'import', await archive(FIRST, first));
    const [out, layout] = [join(folder, 'out.tar'), join(folder, 'layout/')];
    for (const left of [0, 4096, 40_960, 131_072]) {
      for (const target of [out, layout]) {
        await fill(left);
        await succeeds('images', 'export', target, FIRST);
        await release();
        await succeeds('import', '--dry-run', target);
        await rm(target, { recursive: true });
      }
      await fill(left);
      await run('sh', [
        '-c',
        '"$@" > "$0"',
        out,
        process.execPath,
        COMMAND,
        '--root',
        root,
        'export',
        '-',
        FIRST,
      ]);
      await release();
      await succeeds('import', '--dry-run', out);
    }
    await refuseDamage(root);
  });

  it('images can be removed, which makes room for others', async () => {
    await succeeds('images', 'import', await archive(FIRST, first));
    await succeeds('images', 'import', await archive(SECOND, second));
    await fill(0);
    assert.equal(await succeeds('images', 'ls', '-q'), `${FIRST}\n${SECOND}`);
    const other = await archive(FIRST, manifest(config({}), layer('o', Buffer.alloc(880_000, 'other '))));
    for (let round = 0; round < 3; round++) {
      // What only adds leaves the space for removals alone, however often it is tried.
      assertNoSpace(await stowage('images', 'tag', FIRST, 'example.com/tagged:1'), 'tag');
      assertNoSpace(await stowage('images', 'import', other), 'import');
    }
    assert.equal(await succeeds('images', 'rm', FIRST), FIRST);
    assert.equal(await succeeds('images', 'ls', '-q'), SECOND);
    await succeeds('images', 'import', other);
    await succeeds('images', 'rm', FIRST, SECOND);
    await refuseDamage(root);
    // There is room again: the next one who writes sets space aside anew.
    await fill(4 << 20);
    await succeeds('images', 'import', await archive(FIRST, first));
    await fill(0);
    assertNoSpace(await stowage('images', 'tag', FIRST, 'example.com/tagged:1'), 'tag');
    await succeeds('images', 'rm', FIRST);
    await release();
    await refuseDamage(root);
  });

  it('every command that removes something works', async () => {
    const digest = layer('b', Buffer.alloc(700_000, 'two ')).descriptor.digest;
    const prepare = async () => {
      await succeeds('images', 'import', await archive(FIRST, first));
      await succeeds('-n', 'other', 'images', 'import', await archive(SECOND, second));
      await succeeds('leases', 'create', '--id', 'mine');
      await succeeds('namespaces', 'create', 'empty');
      await succeeds('images', 'rm', '--no-gc', FIRST);
      await fill(0);
    };
    for (const command of [
      ['gc'],
      ['-n', 'other', 'content', 'rm', digest],
      ['-n', 'other', 'content', 'prune', 'references'],
      ['-n', 'other', 'images', 'rm', SECOND],
      ['leases', 'rm', 'mine'],
      ['namespaces', 'rm', 'empty'],
    ]) {
      await prepare();
      await succeeds(...command);
      await release();
      await rm(root, { recursive: true });
    }
  });

  it('a store can be checked, also where SQLite has no room to open it', async () => {
    await succeeds('images', 'import', await archive(FIRST, first));
    await fill(0);
    assert.match(await succeeds('fsck'), /^sound: 3 blobs of /);
    const [blob] = await readdir(join(root, 'blobs/sha256'));
    await rm(join(root, 'blobs/sha256', blob!));
    await fill(0);
    const { status, stdout } = await stowage('fsck');
    assert.equal(status, 5);
    assert.match(stdout, /^damage blob-missing /m);
    assertNoSpace(await stowage('fsck', '--repair'), 'fsck --repair');
    // Without a lock it takes nothing for damage that others may be doing.
    const onProgress = () => utimesSync(join(root, 'metadata.db'), 0, 0);
    const onFinding = () => assert.fail('it is told though somebody changed the store');
    await rejectsWith('BUSY', checkStore({ root, onProgress, onFinding }));
  });

  it('a write of content goes on where it was when there is space', async () => {
    await succeeds('images', 'import', await archive(FIRST, first));
    const path = join(folder, 'content');
    await writeFile(path, Buffer.alloc(3_000_000, 'content '));
    await fill(1_500_000);
    assertNoSpace(await stowageFrom(path, 'content', 'ingest', 'upload'), 'ingest');
    assert.ok((await readdir(root)).includes('reserve'), 'a write takes the space that is for removals');
    assert.match(await succeeds('content', 'active'), /^upload/m);
    await release();
    const { status, stderr } = await stowageFrom(path, 'content', 'ingest', 'upload');
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(await succeeds('content', 'active'), /^upload/m);
    await refuseDamage(root);
  });

  it('a store that never had room for more lists, and removes as soon as there is a little', async () => {
    await succeeds('images', 'import', await archive(FIRST, first));
    await succeeds('images', 'import', await archive(SECOND, second));
    await rm(join(root, 'reserve'));
    await fill(0);
    assertNoSpace(await stowage('images', 'rm', FIRST), 'rm');
    assert.equal(await succeeds('images', 'ls', '-q'), `${FIRST}\n${SECOND}`);
    await fill(192 << 10);
    await succeeds('images', 'rm', FIRST);
    assert.equal(await succeeds('images', 'ls', '-q'), SECOND);
    await release();
    await refuseDamage(root);
  });
});
