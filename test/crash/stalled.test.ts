import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { verifyArchive } from '../../src/archive/verify/verify-archive.js';
import { randomOf } from '../fuzz/random.js';
import { writeArchives, type Archive } from './archives.js';
import { collectAll } from './lane.js';
import { runCommand, startCommand } from './process.js';
import { SEED } from './settings.js';
import { Examiner } from './soundness.js';

let folder: string;
let archives: readonly Archive[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-stalled-'));
  await mkdir(join(folder, 'archives'));
  archives = await writeArchives(join(folder, 'archives'), randomOf(SEED, 2_000));
});
afterAll(() => rm(folder, { recursive: true }));

const archiveOf = (form: Archive['form'], number = 0) =>
  archives.filter((each) => each.form === form)[number]!;

/** Commands of everybody else, each of which has to come to its end while somebody stands still. */
async function othersWork(root: string): Promise<void> {
  const [first, second] = [archiveOf('image'), archiveOf('image', 1)];
  const out = join(folder, 'others.tar');
  for (const words of [
    ['import', 'example.org/other/a:latest', first.path],
    ['import', 'example.org/other/b:latest', second.path],
    ['tag', 'example.org/other/a:latest', 'example.org/other/c:latest'],
    ['images', 'label', 'example.org/other/a:latest', 'x=1'],
    ['export', out, 'example.org/other/a:latest'],
    ['rm', 'example.org/other/b:latest'],
    ['ls'],
  ]) {
    const { status, stderr } = await runCommand({ words, root, cwd: folder });
    assert.equal(status, 0, `${words.join(' ')} ended with ${status}: ${stderr}`);
  }
  await collectAll(root);
  assert.equal((await verifyArchive(out)).verdict, 'sound');
}

async function sound(root: string): Promise<void> {
  assert.deepEqual((await new Examiner(root).examine()).findings, []);
}

describe('a process that stands still', () => {
  it('in an export that nobody reads holds nobody up, keeps what it exports, and may be killed', async () => {
    const root = join(folder, 'unread');
    const name = 'example.org/large/image:latest';
    const { path, images } = archiveOf('large');
    assert.equal((await runCommand({ words: ['import', name, path], root, cwd: folder })).status, 0);
    const child = startCommand({ words: ['export', '-', name], root, cwd: folder });
    const { stdout } = child;
    assert.ok(stdout);
    await once(stdout, 'readable');

    await othersWork(root);
    // Its name goes, and others collect: it goes on reading what it began with.
    assert.equal((await runCommand({ words: ['rm', name], root, cwd: folder })).status, 0);
    await collectAll(root);
    const chunks: Buffer[] = [];
    stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    assert.deepEqual(await once(child, 'close'), [0, null]);
    const { verdict, images: exported } = await verifyArchive(Buffer.concat(chunks));
    assert.equal(verdict, 'sound');
    assert.deepEqual(
      exported.map(({ digest }) => digest),
      images.map(({ digest }) => digest),
    );

    // The same again, and this time it is killed.
    assert.equal((await runCommand({ words: ['import', name, path], root, cwd: folder })).status, 0);
    const doomed = startCommand({ words: ['export', '-', name], root, cwd: folder });
    await once(doomed.stdout!, 'readable');
    doomed.kill('SIGKILL');
    await once(doomed, 'close');
    assert.equal((await runCommand({ words: ['rm', name], root, cwd: folder })).status, 0);
    await collectAll(root);
    const facts = await new Examiner(root).examine();
    assert.deepEqual(facts.findings, []);
    assert.deepEqual([...facts.files].sort(), [...facts.reachable].sort(), 'the dead one keeps nothing');
  });

  it('in an import whose input does not go on holds nobody up, loses nothing to a collection, and ends well', async () => {
    const root = join(folder, 'stalled');
    const name = 'example.org/slow/image:latest';
    const { path, images } = archiveOf('large');
    const child = startCommand({ words: ['import', name, '-'], root, cwd: folder });
    const { stdin } = child;
    assert.ok(stdin);
    const output: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => output.push(chunk));
    const half = Math.floor((await stat(path)).size / 2);
    const beginning = createReadStream(path, { end: half - 1 });
    beginning.pipe(stdin, { end: false });
    await once(beginning, 'end');
    while ((await readdir(join(root, 'ingest')).catch(() => [])).length === 0) await delay(5);

    await othersWork(root);
    // Another process takes in the same at full speed.
    const same = ['import', 'example.org/fast/image:latest', path];
    assert.equal((await runCommand({ words: same, root, cwd: folder })).status, 0);
    assert.equal((await runCommand({ words: ['rm', same[1]!], root, cwd: folder })).status, 0);
    await collectAll(root);
    createReadStream(path, { start: half }).pipe(stdin);
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.equal(Buffer.concat(output).toString(), `${name} ${images[0]!.digest}\n`);
    await sound(root);
  });

  it('in an import whose input does not go on leaves all it had to the next one, if it is killed', async () => {
    const root = join(folder, 'killed');
    const name = 'example.org/slow/image:latest';
    const { path, images } = archiveOf('large');
    const child = startCommand({ words: ['import', name, '-'], root, cwd: folder });
    const beginning = createReadStream(path, { end: 5_000_000 });
    beginning.pipe(child.stdin!, { end: false });
    await once(beginning, 'end');
    while ((await readdir(join(root, 'ingest')).catch(() => [])).length === 0) await delay(5);
    child.kill('SIGKILL');
    await once(child, 'close');
    child.stdin?.destroy();
    const { status, stdout } = await runCommand({
      words: ['import', name, '-'],
      root,
      cwd: folder,
      input: path,
    });
    assert.equal(status, 0);
    assert.equal(stdout.toString(), `${name} ${images[0]!.digest}\n`);
    await collectAll(root);
    const facts = await new Examiner(root).examine();
    assert.deepEqual(facts.findings, []);
    assert.deepEqual(facts.ingests, []);
    assert.deepEqual([...facts.files].sort(), [...facts.reachable].sort());
  });
});
