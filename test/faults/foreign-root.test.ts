import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { config, layer, manifest } from '../../src/testing/build-image.js';
import { layoutTar, named } from '../support/build-archive.js';
import { COMMAND, outcomeOf, run, successOf } from './outcome.js';

/** Real commands on a root that may not be written to: on a read-only mount, or another user's. */

const LIBRARY = new URL('../../dist/index.js', import.meta.url).href;
const NAME = 'example.com/image:1';
const IN_LOG = 'example.com/only-in-the-log:1';
const STRANGER = ['--reuid=65534', '--regid=65534', '--clear-groups'];

const problem = await run('setpriv', [...STRANGER, process.execPath, COMMAND, 'version']).then(
  () => undefined,
  () => 'only root can become another user, who has to be able to read the command',
);

let folder: string;
let root: string;
let archive: string;
/** Where commands look for the store, and as whom. */
let place: { readonly root: string; readonly stranger: boolean };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-foreign-'));
  await chmod(folder, 0o755);
  root = join(folder, 'root');
  archive = join(folder, 'image.tar');
  place = { root, stranger: false };
  await writeFile(archive, layoutTar(named(NAME, manifest(config({}), layer('a', 'a')))));
  if (problem === undefined) await succeeds('images', 'import', archive);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function stowage(...args: string[]) {
  const command = [process.execPath, COMMAND, '--root', place.root, ...args];
  const [program = '', ...rest] = place.stranger ? ['setpriv', ...STRANGER, ...command] : command;
  return outcomeOf(program, rest, { timeout: 30_000 });
}

const succeeds = async (...args: string[]) => successOf(await stowage(...args), args);

const READING = [
  ['images', 'inspect', NAME],
  ['images', 'export', '-', NAME],
  ['content', 'ls'],
  ['leases', 'ls'],
  ['gc', '--dry-run'],
  ['fsck'],
];
const changing = () => [
  ['images', 'import', archive],
  ['images', 'rm', NAME],
  ['images', 'tag', NAME, 'example.com/tagged:1'],
  ['images', 'label', NAME, 'a=b'],
  ['namespaces', 'create', 'another'],
  ['leases', 'create'],
  ['gc'],
  ['fsck', '--repair'],
];

async function canOnlyBeRead(names: readonly string[]): Promise<void> {
  const before = await everything();
  assert.equal(await succeeds('images', 'ls', '-q'), names.join('\n'));
  for (const args of READING) await succeeds(...args);
  for (const args of changing()) {
    const { status, stderr } = await stowage(...args);
    const what = `${args.join(' ')}: ${status} ${stderr}`;
    if (args[1] === 'import' && status === 0) continue;
    assert.equal(status, 4, what);
    assertOneLine(stderr, what);
  }
  assert.deepEqual(await everything(), before);
}

/** What is wrong and where, and at most a hint. */
function assertOneLine(stderr: string, what: string): void {
  const lines = stderr
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('hint'));
  assert.equal(lines.length, 1, what);
  assert.match(lines[0]!, /^stowage: Cannot .*(reading only|permission denied|read-only)/, what);
  assert.ok(lines[0]!.includes(root) || lines[0]!.includes(place.root), what);
}

async function everything(): Promise<string[]> {
  return (await readdir(root, { recursive: true })).sort();
}

/** Ends a writer that has named an image, so that its log stays. */
async function leaveLog(): Promise<void> {
  const program = `
    const { openStore } = await import(${JSON.stringify(LIBRARY)});
    const store = await openStore({ root: ${JSON.stringify(root)} });
    const { target } = await store.images.get(${JSON.stringify(NAME)});
    await store.images.apply([{ op: 'create', name: ${JSON.stringify(IN_LOG)}, target }]);
    process.kill(process.pid, 'SIGKILL');`;
  const writer = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: 'ignore' });
  assert.deepEqual(await once(writer, 'exit'), [null, 'SIGKILL']);
  assert.ok((await stat(join(root, 'metadata.db-wal'))).size > 0);
}

async function mountedReadOnly(work: () => Promise<void>): Promise<void> {
  const mounted = join(folder, 'mounted');
  await mkdir(mounted);
  await run('mount', ['--bind', root, mounted]);
  try {
    await run('mount', ['-o', 'remount,ro,bind', mounted]);
    place = { root: mounted, stranger: false };
    await work();
  } finally {
    await run('umount', ['-l', mounted]);
  }
}

describe.skipIf(problem !== undefined)('a root that may not be written to', () => {
  it('on a read-only mount can be read, and says that it cannot be changed', () =>
    mountedReadOnly(() => canOnlyBeRead([NAME])));

  it('on a read-only mount can be read with what only its log has', async () => {
    await leaveLog();
    await mountedReadOnly(() => canOnlyBeRead([NAME, IN_LOG]));
  });

  it('of another user can be read, and says that it cannot be changed', async () => {
    place = { root, stranger: true };
    await canOnlyBeRead([NAME]);
  });

  it('of another user can be read with what only its log has', async () => {
    await leaveLog();
    place = { root, stranger: true };
    await canOnlyBeRead([NAME, IN_LOG]);
  });

  it('of another user who lets nobody look at the blobs says which folder that is', async () => {
    const blobs = join(root, 'blobs');
    await chmod(blobs, 0o700);
    place = { root, stranger: true };
    assert.equal(await succeeds('images', 'ls', '-q'), NAME);
    for (const args of [['fsck'], ['gc', '--dry-run']]) {
      const { status, stderr } = await stowage(...args);
      assert.equal(status, 4, stderr);
      assert.match(stderr, /^stowage: Cannot .*: permission denied\n$/);
      assert.ok(stderr.includes(JSON.stringify(blobs)), stderr);
    }
    await chmod(blobs, 0o755);
  });

  it('of another user who lets nobody look says so', async () => {
    for (const hidden of [root, join(root, 'metadata.db')]) {
      const { mode } = await stat(hidden);
      await chmod(hidden, 0o700);
      place = { root, stranger: true };
      for (const args of [['images', 'ls'], ...READING, ...changing()]) {
        const { status, stderr } = await stowage(...args);
        const what = `${args.join(' ')}: ${status} ${stderr}`;
        assert.equal(status, 4, what);
        assertOneLine(stderr, what);
      }
      await chmod(hidden, mode);
    }
  });
});
