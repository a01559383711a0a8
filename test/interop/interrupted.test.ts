import { once } from 'node:events';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { image, IMAGES } from './images.js';
import { interop, outcomeOf, type Sandbox } from './sandbox.js';

/** Real processes that are stopped half-way: what they say, and what they leave behind. */

const needs = [...IMAGES.debian];
const name = 'docker.io/example/carried:latest';

const archiveOf = async () => `${await image('debian')}/archive.tar`;

/** Every file below the sandbox but those of the stowage root, whose inside is its own matter. */
async function filesOutsideRoot(box: Sandbox): Promise<string[]> {
  const entries = await readdir(box.dir);
  return entries.filter((entry) => entry !== 'root').sort();
}

/** Waits until `seen` holds; false if the process ended first. */
async function until(running: Promise<unknown>, seen: () => Promise<boolean>): Promise<boolean> {
  let ended = false;
  void running.then(() => (ended = true));
  while (!(await seen())) {
    if (ended) return false;
    await delay(1);
  }
  return true;
}

/** Writes the first `length` bytes of a file into a process, which has taken nearly all of them when this resolves. */
async function feed(target: Writable, path: string, length: number): Promise<void> {
  const file = await open(path);
  try {
    const chunk = Buffer.alloc(256 * 1024);
    for (let done = 0; done < length;) {
      const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, length - done));
      done += bytesRead;
      await new Promise<void>((resolve, reject) => {
        target.write(chunk.subarray(0, bytesRead), (error) => (error ? reject(error) : resolve()));
      });
    }
  } finally {
    await file.close();
  }
}

describe.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('%s in the middle', (signal, status) => {
  interop(
    `of an import from a pipe names nothing, says so in a line and exits with ${status}`,
    needs,
    async (box) => {
      const archive = await archiveOf();
      const child = box.start('stowage', ['images', 'import', name, '-']);
      const outcome = outcomeOf(child);
      await feed(child.stdin as Writable, archive, 20_000_000);
      child.kill(signal);
      const ended = await outcome;
      expect(ended).toMatchObject({ status, stdout: '' });
      expect(ended.stderr.trim().split('\n')).toHaveLength(1);
      expect(await filesOutsideRoot(box)).toEqual([]);
      expect(await box.sh('stowage images ls -q')).toBe('');

      await box.sh(`stowage images import ${name} - <'${archive}'`);
      expect(await box.sh('stowage images ls -q')).toBe(name);
    },
  );

  interop(
    `of an import from a file leaves the name where it was and exits with ${status}`,
    needs,
    async (box) => {
      const archive = await archiveOf();
      const other = `${await image('busybox')}/archive.tar`;
      const before = await box.sh(`stowage images import ${name} '${other}'`);
      const child = box.start('stowage', ['images', 'import', name, archive]);
      const outcome = outcomeOf(child);
      const ingesting = async () => (await readdir(box.path('root', 'ingest')).catch(() => [])).length > 0;
      expect(await until(outcome, ingesting)).toBe(true);
      child.kill(signal);
      const ended = await outcome;
      expect(ended).toMatchObject({ status, stdout: '' });
      expect(ended.stderr.trim().split('\n')).toHaveLength(1);
      expect(await box.sh(`stowage images ls | awk 'NR > 1 { print $1, $3 }'`)).toBe(before);
      await box.sh(`stowage images import ${name} '${archive}'`);
    },
  );

  interop(
    `of an export to a file keeps the file that is there and exits with ${status}`,
    needs,
    async (box) => {
      await box.sh(`stowage images import ${name} '${await archiveOf()}'`);
      await writeFile(box.path('out.tar'), 'was here before');
      const child = box.start('stowage', ['images', 'export', 'out.tar', name]);
      const outcome = outcomeOf(child);
      expect(await until(outcome, async () => (await filesOutsideRoot(box)).length > 1)).toBe(true);
      child.kill(signal);
      const ended = await outcome;
      expect(ended).toMatchObject({ status, stdout: '' });
      expect(ended.stderr.trim().split('\n')).toHaveLength(1);
      expect(await filesOutsideRoot(box)).toEqual(['out.tar']);
      expect(await readFile(box.path('out.tar'), 'utf8')).toBe('was here before');
    },
  );

  interop(
    `of an export to a pipe ends in something no reader takes for whole, and exits with ${status}`,
    [...needs, 'ctr2'],
    async (box) => {
      await box.sh(`stowage images import ${name} '${await archiveOf()}'`);
      const child = box.start('stowage', ['images', 'export', '-', name]);
      const stdout = child.stdout as Readable;
      await once(stdout, 'readable');
      child.kill(signal);
      const chunks: Uint8Array[] = [];
      let stderr = '';
      child.stderr?.on('data', (text: Buffer) => (stderr += text.toString()));
      const closed = once(child, 'close');
      for await (const chunk of stdout) chunks.push(chunk);
      expect(await closed).toEqual([status, null]);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      await writeFile(box.path('cut.tar'), Buffer.concat(chunks));
      const { status: accepted } = await box.attempt('ctr2 images import cut.tar');
      expect(accepted).not.toBe(0);
      expect(await box.sh('ctr2 images ls -q')).toBe('');
      const { status: ours } = await box.attempt('stowage --root second images import cut.tar');
      expect(ours).not.toBe(0);
    },
  );
});

describe('kill -9', () => {
  interop(
    'in the middle of an export leaves a temporary file to the next command only',
    needs,
    async (box) => {
      const archive = await archiveOf();
      await box.sh(`stowage images import ${name} '${archive}'`);
      await writeFile(box.path('out.tar'), 'was here before');
      const child = box.start('stowage', ['images', 'export', 'out.tar', name]);
      const outcome = outcomeOf(child);
      expect(await until(outcome, async () => (await filesOutsideRoot(box)).length > 1)).toBe(true);
      child.kill('SIGKILL');
      await outcome;
      expect(await readFile(box.path('out.tar'), 'utf8')).toBe('was here before');
      await box.sh(`stowage images export out.tar ${name}`);
      expect(await filesOutsideRoot(box)).toEqual(['out.tar']);
      await box.sh(`stowage --root second images import ${name} out.tar`);
    },
  );

  interop('in the middle of an import loses nothing that was there', needs, async (box) => {
    const archive = await archiveOf();
    const other = `${await image('busybox')}/archive.tar`;
    const before = await box.sh(`stowage images import example.com/other:1 --ref-object latest '${other}'`);
    const child = box.start('stowage', ['images', 'import', name, '-']);
    const outcome = outcomeOf(child);
    await feed(child.stdin as Writable, archive, 20_000_000);
    child.kill('SIGKILL');
    await outcome;
    expect(await box.sh(`stowage images ls | awk 'NR > 1 { print $1, $3 }'`)).toBe(before);
    await box.sh(`
      stowage images import ${name} '${archive}'
      stowage images export one.tar ${name}
      stowage images export two.tar example.com/other:1`);
  });
});

describe('a reader of an export', () => {
  interop('may go away: the command ends with 141 and says nothing', needs, async (box) => {
    await box.sh(`stowage images import ${name} '${await archiveOf()}'`);
    const output = await box.sh(`
      set +e +o pipefail
      stowage images export - ${name} 2>stderr | head -c 100 >head
      echo "\${PIPESTATUS[0]} $(wc -c <head) $(wc -c <stderr)"`);
    expect(output).toBe('141 100 0');
  });

  interop(
    'may stop reading and be killed: the command ends with 141 and says nothing',
    needs,
    async (box) => {
      await box.sh(`stowage images import ${name} '${await archiveOf()}'`);
      await box.sh('mkfifo pipe');
      const exporting = box.start('bash', ['-c', `exec stowage images export - ${name} >pipe`]);
      const outcome = outcomeOf(exporting);
      const pipe = await open(box.path('pipe'), 'r');
      const reader = box.start('sleep', ['300'], [pipe.fd, 'ignore', 'ignore']);
      await pipe.close();
      await delay(500);
      expect(exporting.exitCode).toBe(null);
      reader.kill('SIGKILL');
      expect(await outcome).toEqual({ status: 141, signal: null, stdout: '', stderr: '' });
    },
  );

  interop('may be a pipe with a name, which is written to and not replaced', needs, async (box) => {
    await box.sh(`
      stowage images import ${name} '${await archiveOf()}'
      mkfifo pipe
      cat pipe >piped.tar &
      stowage images export pipe ${name}
      wait
      test -p pipe
      stowage images export out.tar ${name}
      cmp out.tar piped.tar`);
  });
});
