/** Imports and ingests that were killed or stopped, done again with the built command. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { encodedOf } from '../../src/oci/digest.js';
import { config, layer, manifest } from '../../src/testing/build-image.js';
import { bytesOf } from '../../src/testing/content.js';
import { layoutTar, named } from '../support/build-archive.js';
import { COMMAND, Homes, run } from './world.js';

const MIB = 1 << 20;
const small = layer('small', bytesOf(1, 3 * MIB));
const large = layer('large', bytesOf(2, 24 * MIB));
const archive = layoutTar(named('example.org/team/big:1', manifest(config(), small, large)));
/** The archive up to somewhere in the large layer, which comes last of the blobs that are not documents. */
const PART = archive.byteLength - 6 * MIB;

const homes = new Homes();
afterAll(() => homes.removeAll());

const rootOf = (home: string) => join(home, '.local/share/stowage');
const blobOf = (home: string, built: typeof small) =>
  join(rootOf(home), 'blobs/sha256', encodedOf(built.descriptor.digest));

/** The one write in progress, once it has so many bytes. */
async function untilWritten(home: string, bytes: number) {
  const folder = join(rootOf(home), 'ingest');
  for (;;) {
    for (const name of await readdir(folder).catch(() => [])) {
      const facts = await stat(join(folder, name, 'data')).catch(() => undefined);
      if (facts !== undefined && facts.size >= bytes) return facts;
    }
    await delay(10);
  }
}

/** Starts the command, gives it a part of its input, and ends it with the signal when that is written. */
async function interrupted(
  home: string,
  words: readonly string[],
  signal: NodeJS.Signals,
  bytes: number,
  input = archive.subarray(0, PART),
) {
  const child = spawn(process.execPath, [COMMAND, ...words], {
    env: { PATH: process.env.PATH, HOME: home },
    cwd: home,
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  child.stdin.on('error', () => {});
  child.stdin.write(input);
  let stderr = '';
  child.stderr.on('data', (data) => (stderr += String(data)));
  const facts = await untilWritten(home, bytes);
  child.kill(signal);
  const [code, killedBy] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  return { inode: facts.ino, code, killedBy, stderr };
}

describe('an import from a pipe', () => {
  for (const [signal, end] of [
    ['SIGKILL', { code: null, killedBy: 'SIGKILL' }],
    ['SIGINT', { code: 130, killedBy: null }],
    ['SIGTERM', { code: 143, killedBy: null }],
  ] as const) {
    it(`goes on where it was when ${signal} ended it`, async () => {
      const home = await homes.make();
      const first = await interrupted(home, ['import', '-'], signal, 12 * MIB);
      expect(first).toMatchObject(end);
      const written = await stat(blobOf(home, small));
      const active = JSON.parse((await run(home, ['--json', 'content', 'active'])).stdout) as unknown[];
      expect(active).toMatchObject([
        { ref: large.descriptor.digest, expected: large.descriptor.digest, total: large.descriptor.size },
      ]);

      const again = await run(home, ['import', '-'], { stdin: archive });
      expect(again).toMatchObject({ status: 0 });
      expect(again.stdout).toMatch(/^example\.org\/team\/big:1 sha256:/);
      // The small layer was not written again, and the large one is the very file that was begun.
      expect((await stat(blobOf(home, small))).ino).toBe(written.ino);
      expect((await stat(blobOf(home, large))).ino).toBe(first.inode);
      expect(await readdir(join(rootOf(home), 'ingest'))).toEqual([]);
      expect(await run(home, ['fsck'])).toMatchObject({ status: 0 });
    });
  }

  it('goes on where it was, from a file as well', async () => {
    const home = await homes.make();
    const first = await interrupted(home, ['import', '-'], 'SIGKILL', 12 * MIB);
    await writeFile(join(home, 'big.tar'), archive);
    expect(await run(home, ['import', 'big.tar'])).toMatchObject({ status: 0 });
    expect((await stat(blobOf(home, large))).ino).toBe(first.inode);
    expect(await run(home, ['fsck'])).toMatchObject({ status: 0 });
  });
});

describe('content ingest', () => {
  it('goes on where it was stopped, and keeps what there is without a lease', async () => {
    const home = await homes.make();
    const first = await interrupted(home, ['content', 'ingest', 'big'], 'SIGINT', 12 * MIB);
    expect(first.code).toBe(130);
    expect(first.stderr).toMatch(/^stowage: what was written is kept for 24 hours;/m);
    expect(await run(home, ['leases', 'ls', '-q'])).toMatchObject({ status: 0, stdout: '' });
    expect(await run(home, ['gc'])).toMatchObject({ status: 0 });
    const { stdout } = await run(home, ['content', 'active', 'ref==big']);
    expect(stdout).toMatch(/^big\t\d\d\.\d\dMB\t/m);
    const again = await run(home, ['content', 'ingest', 'big'], { stdin: archive });
    expect(again).toMatchObject({ status: 0 });
    expect(again.stderr).toMatch(/"big" has \d+ bytes already/);
    const blob = join(rootOf(home), 'blobs/sha256', again.stdout.trim().slice('sha256:'.length));
    expect(await stat(blob)).toMatchObject({ ino: first.inode, size: archive.byteLength });
  });

  it('leaves no lease if it is stopped before it read anything', async () => {
    const home = await homes.make();
    const first = await interrupted(home, ['content', 'ingest', 'big'], 'SIGINT', 0, Buffer.alloc(0));
    expect(first).toMatchObject({ code: 130, stderr: 'stowage: interrupted\n' });
    expect(await run(home, ['leases', 'ls', '-q'])).toMatchObject({ status: 0, stdout: '' });
    expect(await run(home, ['content', 'ingest', 'big'], { stdin: archive })).toMatchObject({ status: 0 });
  });

  it('leaves no lease however often it fails, only one when content came in', async () => {
    const home = await homes.make();
    const stdin = bytesOf(4, 1000);
    const wrong = ['content', 'ingest', '--expected-size', '1001', 'some'];
    for (const input of [stdin, stdin, new Uint8Array(0)]) {
      expect(await run(home, wrong, { stdin: input })).toMatchObject({ status: 1, stdout: '' });
      expect(await run(home, ['leases', 'ls', '-q'])).toMatchObject({ status: 0, stdout: '' });
    }
    const whole = { stdin: bytesOf(4, 1001) };
    const { stdout } = await run(home, [...wrong.slice(0, -1), 'other'], whole);
    expect(stdout).toMatch(/^sha256:/);
    expect((await run(home, ['leases', 'ls', '-q'])).stdout).toMatch(/^\S+\n$/);
  });

  it('does not go on with another input: it says so, and begins again the next time', async () => {
    const home = await homes.make();
    await interrupted(home, ['content', 'ingest', 'big'], 'SIGINT', 12 * MIB);
    const other = bytesOf(3, 25 * MIB);
    const refused = await run(home, ['content', 'ingest', 'big'], { stdin: other });
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/standard input begins with other bytes than it had/);
    expect(await run(home, ['content', 'ingest', 'big'], { stdin: other })).toMatchObject({ status: 0 });
  });

  it('begins again with --restart', async () => {
    const home = await homes.make();
    await interrupted(home, ['content', 'ingest', 'big'], 'SIGKILL', 12 * MIB);
    const { status, stderr } = await run(home, ['content', 'ingest', '--restart', 'big'], { stdin: archive });
    expect(status).toBe(0);
    expect(stderr).not.toMatch(/already/);
  });
});
