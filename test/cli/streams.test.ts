/** What the command does with pipes, signals and terminals. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { spawn, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { config, index, layer, manifest, pointedTo } from '../../src/testing/build-image.js';
import { layoutEntries, tarOf } from '../support/build-archive.js';
import { COMMAND, environment, Homes, outcomeOf, run, start } from './world.js';

const homes = new Homes();
afterAll(() => homes.removeAll());

/** Far more than a pipe holds. */
const SIZE = 8 << 20;
const big = tarOf(
  layoutEntries(
    index(
      pointedTo(manifest(config(), layer('big', Buffer.alloc(SIZE, 'no two images are alike '))), {
        annotations: { 'org.opencontainers.image.ref.name': 'latest' },
      }),
    ),
  ),
);

let home: string;
let exported: string;

beforeAll(async () => {
  home = await homes.make();
  await writeFile(join(home, 'big.tar'), big);
  expect(await run(home, ['images', 'import', 'big/image:latest', 'big.tar'])).toMatchObject({ status: 0 });
  expect(await run(home, ['images', 'export', 'whole.tar', 'big/image'])).toMatchObject({ status: 0 });
  exported = sha256(await readFile(join(home, 'whole.tar')));
});

describe('a pipe on standard output', () => {
  it('gets the same bytes as a file', async () => {
    const child = start(home, ['images', 'export', '-', 'big/image']);
    const hash = createHash('sha256');
    child.stdout.on('data', (chunk: Buffer) => hash.update(chunk));
    const [status] = (await once(child, 'close')) as [number];
    expect({ status, hash: hash.digest('hex') }).toEqual({ status: 0, hash: exported });
  });

  it('that is closed early ends the command with 141 and without a word', async () => {
    const child = start(home, ['images', 'export', '-', 'big/image']);
    const outcome = outcomeOf(child);
    await once(child.stdout, 'readable');
    child.stdout.destroy();
    expect(await outcome).toMatchObject({ status: 141, stderr: '' });
  });

  it('that is closed early is the same when it goes by a name', () => {
    const shell = (script: string) =>
      spawnSync('sh', ['-c', script, 'sh', process.execPath, COMMAND], {
        cwd: home,
        env: environment(home),
        encoding: 'utf8',
      });
    const named = shell(
      'mkfifo pipe; head -c 100 pipe >/dev/null & "$1" "$2" export pipe big/image; echo $?; rm pipe',
    );
    expect([named.stdout, named.stderr]).toEqual(['141\n', '']);
    const device = shell(
      '{ "$1" "$2" export /dev/stdout big/image; echo $? >status; } | head -c 100 >/dev/null; cat status',
    );
    expect([device.stdout, device.stderr]).toEqual(['141\n', '']);
  });

  it.skipIf(!has('python3'))('that somebody made non-blocking loses nothing (needs python3)', async () => {
    const script = `
import fcntl, hashlib, os, subprocess, sys, time
reader, writer = os.pipe()
fcntl.fcntl(writer, fcntl.F_SETFL, fcntl.fcntl(writer, fcntl.F_GETFL) | os.O_NONBLOCK)
process = subprocess.Popen(sys.argv[2:], stdout=writer)
os.close(writer)
digest = hashlib.sha256()
if sys.argv[1] == 'all':
    while chunk := os.read(reader, 1 << 16): digest.update(chunk)
else:
    time.sleep(float(sys.argv[1])); os.read(reader, 1)
os.close(reader)
print(process.wait(), digest.hexdigest())`;
    const through = (how: string) =>
      spawnSync('python3', ['-c', script, how, process.execPath, COMMAND, 'export', '-', 'big/image'], {
        cwd: home,
        env: environment(home),
        encoding: 'utf8',
      });
    expect(through('all').stdout.trim()).toBe(`0 ${exported}`);
    expect(through('0.5')).toMatchObject({ stderr: '', stdout: expect.stringMatching(/^141 /) });
  });

  it('takes a list as well', async () => {
    expect((await run(home, ['ls', '-q'])).stdout).toBe('big/image:latest\n');
  });
});

describe('a signal', () => {
  it.each([
    ['SIGINT', 130, 'interrupted'],
    ['SIGTERM', 143, 'terminated'],
  ] as const)(
    '%s in the middle of an import leaves no name, and the same import works afterwards',
    async (signal, status, said) => {
      const place = await homes.make();
      const child = start(place, ['images', 'import', 'some/image:latest', '-']);
      const outcome = outcomeOf(child);
      // When the pipe has taken more than it holds, the import is reading.
      await new Promise((done) => child.stdin.write(big.subarray(0, SIZE / 2), done));
      child.kill(signal);
      expect(await outcome).toEqual({ status, stdout: '', stderr: `stowage: ${said}\n` });
      child.stdin.destroy();
      expect(await run(place, ['images', 'ls', '-q'])).toEqual({ status: 0, stdout: '', stderr: '' });
      expect(await run(place, ['images', 'import', 'some/image:latest', '-'], { stdin: big })).toMatchObject({
        status: 0,
      });
    },
  );

  it('in the middle of an export to a file leaves what was there', async () => {
    const place = await homes.make(home);
    await writeFile(join(place, 'out.tar'), 'before');
    const before = (await readdir(place)).sort();
    const child = start(place, ['images', 'export', 'out.tar', 'big/image']);
    const outcome = outcomeOf(child);
    await untilItWrites(place, before);
    child.kill('SIGINT');
    const { status } = await outcome;
    // It may have been faster than the signal; then all of it is there.
    const now = await readFile(join(place, 'out.tar'));
    expect(status === 0 ? sha256(now) : now.toString()).toBe(status === 0 ? exported : 'before');
    expect((await readdir(place)).sort()).toEqual(before);
  });

  it('ends an export that nobody reads', async () => {
    const child = start(home, ['images', 'export', '-', 'big/image']);
    await once(child.stdout, 'readable');
    child.kill('SIGTERM');
    const [status] = (await once(child, 'exit')) as [number];
    expect(status).toBe(143);
  });
});

describe.skipIf(!has('script'))('a terminal (needs script)', () => {
  it('is not written an archive to', async () => {
    expect(await onTerminal(['images', 'export', '-', 'big/image'])).toEqual({
      status: 2,
      text:
        'stowage: Cannot write an archive to standard output: it is a terminal; ' +
        'pipe it on (stowage images export - x | ...), redirect it, or name a file\n',
    });
  });

  it('is not read an archive from', async () => {
    const { status, text } = await onTerminal(['images', 'import', '-']);
    expect({ status, text }).toEqual({
      status: 2,
      text:
        'stowage: Cannot read an archive from standard input: it is a terminal; ' +
        'pipe one in (cat x.tar | stowage images import -), or name a file\n',
    });
  });

  it('is shown manifests, and no layers', async () => {
    const digests = (await run(home, ['content', 'ls', '-q'])).stdout.trim().split('\n');
    const outcomes = await Promise.all(digests.map((digest) => onTerminal(['content', 'get', digest])));
    expect(outcomes.map(({ status }) => status).sort()).toEqual([0, 0, 2]);
    expect(outcomes.find(({ status }) => status === 2)?.text).toMatch(/it is binary/);
  });

  it('is told at the end what was exported, and left without a bar', async () => {
    const { status, text } = await onTerminal(['images', 'export', 'again.tar', 'big/image']);
    expect(status).toBe(0);
    expect(onScreen(text)).toBe('stowage: exported 1 image to "again.tar" (8.0 MiB)\n');
  });
});

/** What is left on the last line after carriage returns and erasures, and the lines before it. */
function onScreen(text: string): string {
  return text.replaceAll(/[^\n]*\u001b\[K/g, '').replaceAll(/[^\n]*\r(?!\n)/g, '');
}

async function onTerminal(words: readonly string[]): Promise<{ status: number; text: string }> {
  const line = [process.execPath, COMMAND, ...words].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['-qec', line, '/dev/null'], {
    cwd: home,
    env: { ...environment(home), TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [status] = (await once(child, 'close')) as [number];
  return { status, text: Buffer.concat(chunks).toString().replaceAll('\r\n', '\n') };
}

async function untilItWrites(place: string, before: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if ((await readdir(place)).length > before.length) return;
    await new Promise((done) => setTimeout(done, 2));
  }
}

function has(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
