import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('..', import.meta.url));
const sample = join(repository, 'samples', 'hello.tar');
const run = async (cwd: string, command: string, ...args: string[]) =>
  (
    await promisify(execFile)(command, args, {
      cwd,
      env: { ...process.env, STOWAGE_ROOT: join(cwd, 'root') },
    })
  ).stdout;

describe('the package, packed and installed without scripts', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-package-'));
    const packed = JSON.parse(
      await run(repository, 'npm', 'pack', '--json', '--ignore-scripts', '--pack-destination', folder),
    ) as [{ filename: string }];
    await writeFile(join(folder, 'package.json'), '{"private":true}');
    await run(folder, 'npm', 'install', '--ignore-scripts', `./${packed[0].filename}`);
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('runs as a command', async () => {
    const bin = join(folder, 'node_modules', '.bin', 'stowage');
    const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(await run(folder, bin, 'version')).toContain(version);
    expect(await run(folder, bin, 'import', 'foo/new:latest', sample)).toMatch(
      /^foo\/new:latest sha256:[0-9a-f]{64}\n$/,
    );
  });

  it.each(['bin', 'io'])(
    'brings the program of its threads beside what starts them, in dist/%s',
    async (part) => {
      // Without it everything works as well, only slower, so nothing else would tell.
      const script = `
      const { Worker } = require('node:worker_threads');
      const worker = new Worker(process.argv[1]);
      const stop = new Int32Array(new SharedArrayBuffer(4));
      worker.postMessage({ from: 0, position: 0, length: 0, to: 0, at: 0, algorithm: 'sha256', stop });
      worker.once('message', ({ digest }) => {
        console.log(Buffer.from(digest).toString('hex').slice(0, 8));
        void worker.terminate();
      });`;
      const program = join(folder, 'node_modules', 'stowage', 'dist', part, 'copy-worker.js');
      expect(await run(folder, process.execPath, '-e', script, program)).toBe('e3b0c442\n');
    },
  );

  it('can be required, and gives the same as an import', async () => {
    await writeFile(
      join(folder, 'use.cjs'),
      `const stowage = require('stowage');
       import('stowage').then((imported) => console.log(imported.openStore === stowage.openStore));`,
    );
    expect(await run(folder, process.execPath, 'use.cjs')).toBe('true\n');
  });

  it.each(['stowage', 'stowage/oci', 'stowage/tar', 'stowage/memory', 'stowage/testing'])(
    'opens the door %s',
    async (door) => {
      const script = `console.log(Object.keys(await import('${door}')).length > 0)`;
      expect(await run(folder, process.execPath, '--input-type=module', '-e', script)).toBe('true\n');
    },
  );

  it('takes less than 55 MB with all it needs', async () => {
    const kilobytes = Number.parseInt(await run(folder, 'du', '-sk', 'node_modules'), 10);
    expect(kilobytes).toBeLessThan(55 * 1024);
  });
});

describe('the README', () => {
  let folder: string;
  beforeAll(async () => {
    // Inside the package, so that it finds itself by its name.
    await mkdir(join(repository, 'dist', 'readme'), { recursive: true });
    folder = await mkdtemp(join(repository, 'dist', 'readme', 'x-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('shows library lines that run as they stand', async () => {
    const readme = await readFile(join(repository, 'README.md'), 'utf8');
    const [, code = ''] = /```ts\n(import .*?)```/s.exec(readme) ?? [];
    await copyFile(sample, join(folder, 'in.tar'));
    const script = code
      .replaceAll('/var/lib/images', join(folder, 'root'))
      .replaceAll('/tmp/oci-busybox.tar', join(folder, 'in.tar'))
      .replaceAll('/tmp/out.tar', join(folder, 'out.tar'));
    await writeFile(join(folder, 'example.mjs'), script);
    expect(await run(folder, process.execPath, 'example.mjs')).toContain('linux/amd64');
    expect(await run(folder, 'tar', '-tf', 'out.tar')).toMatch(/^oci-layout\nindex.json\nmanifest.json\n/);
  });

  it('says in its first forty lines what it is, how to run it, and where images can be', async () => {
    const head = (await readFile(join(repository, 'README.md'), 'utf8')).split('\n').slice(0, 40).join('\n');
    for (const text of [
      'npm ci && npm start',
      'npm ci && npm test',
      'images import',
      'importArchive',
      '| place',
    ]) {
      expect(head).toContain(text);
    }
  });
});
