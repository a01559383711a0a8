import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { openStore } from '../../src/backends/dir/index.js';
import { openStore as openStoreOn } from '../../src/backends/dir/open-store.js';
import type { Store } from '../../src/images/store.js';
import { isStowageError } from '../../src/errors.js';
import { digestOf } from '../../src/io/hash.js';
import { refuseDamage } from './judge.js';
import { scratchFolder } from './scratch.js';
import { failingFiles, type Failing } from './failing-files.js';

/**
 * Every operation on a file fails once, one run each: nothing is taken for stored that is not, nothing that is visible
 * is wrong, and the same work succeeds when the disk does.
 */

let folder: string;

beforeEach(async () => {
  folder = await scratchFolder();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const small = Buffer.from('a small blob');
const large = Buffer.alloc(3 << 20, 'large ');
const unknown = Buffer.from('a blob of unknown digest');
const name = 'example.com/failing:1';
const targetOf = (bytes: Uint8Array) => ({ digest: digestOf(bytes), size: bytes.byteLength });
const imageOf = (bytes: Uint8Array) => ({ mediaType: 'application/octet-stream', ...targetOf(bytes) });

/** The work, step by step; what is on the left is done when the step resolves. */
const STEPS: readonly (readonly [done: string, step: (store: Store) => Promise<unknown>])[] = [
  ['small', (store) => store.content.put(targetOf(small), () => small)],
  ['large', (store) => store.content.put(targetOf(large), () => large)],
  ['unknown', (store) => store.content.put(undefined, () => unknown)],
  ['other algorithm', (store) => store.content.put(undefined, () => small, { algorithm: 'sha512' })],
  ['name', (store) => store.images.apply([{ op: 'create', name, target: imageOf(small) }])],
  ['moved', (store) => store.images.apply([{ op: 'update', name, target: imageOf(large) }])],
  ['claimed', (store) => store.content.claim([targetOf(small), targetOf(large)])],
  ['deleted', (store) => store.content.delete(targetOf(unknown).digest)],
];

interface Outcome {
  readonly done: readonly string[];
  readonly error: unknown;
}

/** Goes on until a step fails. */
async function work(root: string, failing: ReturnType<typeof failingFiles>): Promise<Outcome> {
  const done: string[] = [];
  try {
    const store = await openStoreOn({ root }, { files: failing.files });
    try {
      for (const [title, step] of STEPS) {
        await step(store);
        done.push(title);
      }
    } finally {
      await store.close();
    }
    return { done, error: undefined };
  } catch (error) {
    return { done, error };
  }
}

/** One line that a person understands, about the failure that was injected. */
function assertTold(error: unknown): void {
  assert.ok(error instanceof Error);
  assert.ok(isStowageError(error, 'CORRUPT'), error.stack);
  assert.match(error.message, /^Cannot [^\n]+: the disk reports an input\/output error$/);
  assert.match(String(error.cause), /EIO: injected/);
}

async function assertKept(root: string, done: readonly string[]): Promise<void> {
  await refuseDamage(root);
  await using store = await openStore({ root, onWarning: (message) => assert.fail(message) });
  const holds = async (bytes: Uint8Array, algorithm: 'sha256' | 'sha512' = 'sha256') =>
    (await store.content.stat({ digest: digestOf(bytes, algorithm) })) !== undefined;
  if (done.includes('small')) assert.ok(await holds(small));
  if (done.includes('large')) assert.ok(await holds(large));
  if (done.includes('unknown') && !done.includes('claimed')) assert.ok(await holds(unknown));
  if (done.includes('deleted')) assert.ok(!(await holds(unknown)));
  if (done.includes('other algorithm')) assert.ok(await holds(small, 'sha512'));
  const target = (await store.images.get(name))?.target.digest;
  if (done.includes('moved')) assert.equal(target, digestOf(large));
  else if (done.includes('name')) assert.ok(target !== undefined);
}

/** The same work again, which finds some of it done. */
async function workAgain(root: string): Promise<void> {
  await using store = await openStore({ root });
  for (const [title, step] of STEPS) {
    if (title === 'name' && (await store.images.get(name)) !== undefined) continue;
    await step(store);
  }
  assert.equal((await store.images.get(name))?.target.digest, digestOf(large));
  assert.ok((await store.content.stat(targetOf(large))) !== undefined);
}

async function everyFailure(fate: 'EIO' | 'short', names: RegExp): Promise<void> {
  const survived = new Map<string, number>();
  let runs = 0;
  let failures = 0;
  const problems: string[] = [];
  const warn = (warning: Error) => void problems.push(String(warning));
  process.on('warning', warn);
  for (let place = 0; ; place++) {
    const root = join(folder, `${fate}-${place}`);
    let seen = 0;
    const failing: Failing = (operation) =>
      names.test(operation.name) && seen++ === place ? fate : undefined;
    const files = failingFiles(failing);
    const { done, error } = await work(root, files);
    const failed = files.failed();
    const context = `operation ${place} (${failed ?? 'none'}), done: ${done.join(', ')}`;
    try {
      if (error !== undefined) assertTold(error);
      if (fate === 'short') assert.equal(error, undefined);
      await assertKept(root, done);
      await workAgain(root);
      await assertKept(
        root,
        STEPS.map(([title]) => title),
      );
    } catch (problem) {
      problems.push(`${context}: ${problem instanceof Error ? problem.stack : String(problem)}`);
    }
    await rm(root, { recursive: true, force: true });
    runs++;
    if (failed === undefined) break;
    if (error === undefined) survived.set(failed, (survived.get(failed) ?? 0) + 1);
    else failures++;
  }
  const without = [...survived].map(([title, times]) => `${title} ${times}`).join(', ');
  console.log(`${fate}: ${runs} runs, ${failures} told of it; done all the same after: ${without || 'none'}`);
  process.off('warning', warn);
  // A file that nobody closed is told of as a warning.
  assert.deepEqual(problems, []);
}

describe('a disk that fails', () => {
  it('at any one operation', () => everyFailure('EIO', /./));

  it('to write all that it was given', () => everyFailure('short', /^writev$/));
});
