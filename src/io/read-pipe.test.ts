import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { constants, open as openFile } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { bytesOf, collect } from '../testing/content.js';
import { readPipe, type PipeBytes } from './read-pipe.js';

let folder: string;
let path: string;
let pipe: PipeBytes;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-read-pipe-'));
  path = join(folder, 'pipe');
  await promisify(execFile)('mkfifo', [path]);
  pipe = readPipe(await promisify(openFile)(path, constants.O_RDONLY | constants.O_NONBLOCK));
});
afterEach(async () => {
  pipe.destroy();
  await rm(folder, { recursive: true });
});

describe('readPipe()', () => {
  it.each([0, 1, 65_536, 1 << 20, (1 << 20) + 1, 9_000_001])('hands out all of %i bytes', async (length) => {
    const bytes = bytesOf(3, length);
    const writer = await open(path, 'w');
    const [read] = await Promise.all([collect(pipe), writer.writeFile(bytes).then(() => writer.close())]);
    assert.ok(read.equals(bytes));
  });

  it('hands out chunks that are never written again', async () => {
    const bytes = bytesOf(4, 9_000_001);
    const writer = spawn('sh', ['-c', `cat > ${path}`], { stdio: ['pipe', 'ignore', 'ignore'] });
    writer.stdin.end(bytes);
    const chunks: Uint8Array[] = [];
    for await (const chunk of pipe) {
      chunks.push(chunk);
      await delay(1);
    }
    assert.ok(Buffer.concat(chunks).equals(bytes));
  });

  it('hands out what has come although more may follow', async () => {
    const writer = await open(path, 'w');
    const chunks = pipe[Symbol.asyncIterator]();
    for (const text of ['one', 'two', 'three']) {
      await writer.write(text);
      assert.equal(Buffer.from((await chunks.next()).value as Uint8Array).toString(), text);
    }
    await writer.close();
    assert.equal((await chunks.next()).done, true);
  });

  it('makes the writer wait while nobody takes anything', async () => {
    const writer = spawn('sh', ['-c', `cat /dev/zero > ${path}; echo done`], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const chunks = pipe[Symbol.asyncIterator]();
    let taken = 0;
    for (let turn = 0; turn < 20; turn++) {
      taken += ((await chunks.next()).value as Uint8Array).byteLength;
      await delay(2);
    }
    const before = process.memoryUsage().arrayBuffers;
    await delay(100);
    assert.ok(process.memoryUsage().arrayBuffers - before < 16 << 20);
    assert.ok(taken > 0);
    await chunks.return?.();
    await new Promise((resolve) => writer.once('exit', resolve));
  });

  it('ends for who iterates when it is destroyed', async () => {
    const writer = await open(path, 'w');
    const next = pipe[Symbol.asyncIterator]().next();
    pipe.destroy();
    assert.equal((await next).done, true);
    await writer.close();
  });
});
