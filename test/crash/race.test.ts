import { createHash } from 'node:crypto';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';

import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { build } from 'esbuild';
import { describe, it } from 'vitest';
import { randomOf, type Random } from '../fuzz/random.js';
import { collectAll } from './lane.js';
import { GIVEN_NAMES, writeArchives, type Archive } from './archives.js';
import { COMMAND, runCommand } from './process.js';
import type { Account, Task } from './race-worker.js';
import { findDisorder, type Operation, type Value } from './serial-order.js';
import { RACE_SECONDS, repetition, SEED } from './settings.js';
import { Examiner, type ImageFacts } from './soundness.js';

const PROCESSES = 8;

/** How often a process has to come to something, whatever the others do: fewer, and it starves. */
const PROGRESS = 3;

/** A name nobody touches. */
const KEPT = 'example.org/kept/image:latest';

const SHARED = [...['p', 'q', 'r'].map((name) => `example.org/shared/${name}:latest`), ...GIVEN_NAMES];

describe('processes that use one root at the same time', () => {
  it('do to each name what could have come one after the other, and lose nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'stowage-race-'));
    const race = new Race(folder, randomOf(SEED, 0));
    await race.run();
    console.log(`seed ${SEED}\n${race.figures.join('\n')}`);
    if (race.findings.length > 0) {
      const again = repetition({ STOWAGE_RACE_SECONDS: RACE_SECONDS }, 'test/crash/race.test.ts');
      throw new Error([...race.findings, `seed ${SEED}, left in ${folder}; again: ${again}`].join('\n\n'));
    }
    await rm(folder, { recursive: true });
  });
});

class Race {
  readonly findings: string[] = [];
  readonly figures: string[] = [];
  readonly #folder: string;
  readonly #root: string;
  readonly #random: Random;
  #over = false;

  constructor(folder: string, random: Random) {
    this.#folder = folder;
    this.#root = join(folder, 'root');
    this.#random = random;
  }

  async run(): Promise<void> {
    const archives = await this.#prepare();
    const kept = archives.find(({ form }) => form === 'image')!;
    await this.#succeed(['import', KEPT, kept.path]);
    const known = (await this.#help('gc')) ? ['gc'] : [];
    const worker = join(this.#folder, 'worker.mjs');
    await buildWorker(worker);
    const observers = Promise.all([this.#readIndex(), this.#inspectWithSkopeo(kept.images[0]!.digest)]);
    const victims = this.#killSome(archives, known.length > 0);
    const accounts = await Promise.all(
      Array.from({ length: PROCESSES }, (_, number) => this.#race(worker, number, archives, known)),
    );
    this.#over = true;
    await observers;
    const killed = await victims;
    await this.#judge(accounts, killed, known.length > 0);
  }

  async #prepare(): Promise<readonly Archive[]> {
    const archives = join(this.#folder, 'archives');
    await mkdir(archives);
    return (await writeArchives(archives, this.#random)).filter(({ form }) => form !== 'large');
  }

  async #race(
    worker: string,
    number: number,
    archives: readonly Archive[],
    known: readonly string[],
  ): Promise<Account> {
    const folder = join(this.#folder, `process-${number}`);
    await mkdir(folder);
    const task: Task = {
      library: resolve('dist/index.js'),
      command: COMMAND,
      root: this.#root,
      folder,
      seed: SEED,
      number: number + 1,
      seconds: RACE_SECONDS,
      archives,
      shared: SHARED,
      own: [0, 1].map((own) => `example.org/own/${number}-${own}:latest`),
      known,
    };
    const child = spawn(process.execPath, [worker, JSON.stringify(task)], {
      stdio: ['ignore', 'inherit', 'pipe'],
    });
    let errors = '';
    child.stderr.on('data', (data) => (errors += String(data)));
    const [status] = (await once(child, 'close')) as [number | null];
    if (status !== 0 || errors !== '')
      this.findings.push(`process ${number} ended with ${status}: ${errors}`);
    const text = await readFile(join(folder, 'account.json'), 'utf8').catch(() => undefined);
    if (text !== undefined) return JSON.parse(text) as Account;
    return { operations: [], own: {}, findings: [], counts: {} };
  }

  /** Meanwhile others begin the same and are killed: nobody knows what they did, but they hold nobody up. */
  async #killSome(archives: readonly Archive[], collects: boolean): Promise<readonly Named[]> {
    const random = randomOf(SEED, 1_000);
    const started: Named[] = [];
    let usual = 400;
    while (!this.#over) {
      const archive = random.pick(archives);
      const name = random.pick(SHARED);
      const words: readonly string[] =
        collects && random.chance(0.2)
          ? ['gc']
          : random.chance(0.3)
            ? ['rm', name]
            : ['import', ...(archive.form === 'several' ? [] : [name]), archive.path];
      const start = now();
      const ended = await runCommand({
        words,
        root: this.#root,
        cwd: this.#folder,
        stop: { signal: 'SIGKILL', milliseconds: random.int(Math.round(usual * 1.1)) },
      });
      const end = now();
      if (ended.status === 0) usual = Math.round(0.8 * usual + 0.2 * ended.milliseconds);
      else if (ended.status !== 'SIGKILL' && !(words[0] === 'rm' && ended.status === 3)) {
        this.findings.push(`${words.join(' ')} ended with ${ended.status}: ${ended.stderr}`);
      }
      const base = {
        label: `a command to be killed: ${words.join(' ')}`,
        start,
        end,
        uncertain: true,
      } as const;
      if (words[0] === 'rm') started.push({ ...base, name, found: 'some', left: null });
      if (words[0] === 'import') {
        for (const { name: own, digest } of archive.images) {
          started.push({ ...base, name: own ?? name, found: 'any', left: digest });
        }
      }
    }
    this.figures.push(`${started.length} changes by commands that were to be killed`);
    return started;
  }

  async #readIndex(): Promise<void> {
    let reads = 0;
    for (; !this.#over; reads++) {
      const text = await readFile(join(this.#root, 'index.json'), 'utf8');
      try {
        const { manifests } = JSON.parse(text) as { manifests: { annotations?: Record<string, string> }[] };
        if (
          !manifests.some(({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === KEPT)
        ) {
          this.findings.push(`index.json does not list ${KEPT}: ${text}`);
        }
      } catch {
        this.findings.push(`index.json is torn: ${JSON.stringify(text)}`);
      }
      await delay(3);
    }
    this.figures.push(`index.json was read ${reads} times`);
  }

  async #inspectWithSkopeo(digest: string): Promise<void> {
    if (spawnSync('skopeo2', ['--version']).error !== undefined) {
      this.figures.push('skopeo2 is not there, so no other tool read the root');
      return;
    }
    let reads = 0;
    for (; !this.#over; reads++) {
      const child = spawn('skopeo2', ['inspect', '--raw', `oci:${this.#root}:${KEPT}`]);
      const output: Buffer[] = [];
      let errors = '';
      child.stdout.on('data', (data: Buffer) => output.push(data));
      child.stderr.on('data', (data) => (errors += String(data)));
      const [status] = (await once(child, 'close')) as [number | null];
      const found = `sha256:${createHash('sha256').update(Buffer.concat(output)).digest('hex')}`;
      if (status !== 0 || found !== digest)
        this.findings.push(`skopeo2 ended with ${status}, ${found}: ${errors}`);
      await delay(50);
    }
    this.figures.push(`skopeo2 read the root ${reads} times`);
  }

  async #judge(accounts: readonly Account[], killed: readonly Named[], collects: boolean): Promise<void> {
    for (const [number, account] of accounts.entries()) {
      this.findings.push(...account.findings.map((finding) => `process ${number}: ${finding}`));
      const done = Object.entries(account.counts).filter(([kind]) => !kind.includes(','));
      const total = done.reduce((sum, [, count]) => sum + count, 0);
      this.figures.push(`process ${number}: ${JSON.stringify(account.counts)}`);
      if (total < PROGRESS) this.findings.push(`process ${number} came to ${total} things`);
    }
    const examiner = new Examiner(this.#root);
    const facts = await examiner.examine();
    this.findings.push(...facts.findings);
    const last = (name: string): Value => facts.images.find((image) => image.name === name)?.digest ?? null;
    const operations = [...accounts.flatMap((account) => account.operations), ...killed];
    this.#checkOrders(operations, facts.images, last);
    for (const [name, value] of accounts.flatMap(({ own }) => Object.entries(own))) {
      if (last(name) !== value) this.findings.push(`${name} is ${last(name)}, and its process left ${value}`);
    }
    await this.#collect(examiner, collects);
  }

  #checkOrders(
    operations: readonly Named[],
    images: readonly ImageFacts[],
    last: (name: string) => Value,
  ): void {
    const names = new Set([...operations.map(({ name }) => name), ...images.map(({ name }) => name)]);
    names.delete(KEPT);
    for (const name of names) {
      const own: Operation[] = operations.filter((operation) => operation.name === name);
      const end = now();
      own.push({ label: 'at the end', start: end, end: end + 1, found: last(name), left: 'same' });
      const misfit = findDisorder(own, null);
      if (misfit !== undefined) this.findings.push(`${name} had no order: ${describeAround(own, misfit)}`);
    }
    const overlapping = operations.filter((one) =>
      operations.some(
        (other) => other !== one && other.name === one.name && other.start < one.end && one.start < other.end,
      ),
    ).length;
    this.figures.push(
      `${operations.length} operations on ${names.size} names, ${overlapping} of them overlapped others`,
    );
  }

  /** What nothing keeps goes, and nothing else. */
  async #collect(examiner: Examiner, byCommand: boolean): Promise<void> {
    await (byCommand ? this.#succeed(['gc']) : collectAll(this.#root));
    const { files, blobs, reachable, findings, leftovers, ingests, holders } = await examiner.examine();
    this.findings.push(...findings, ...leftovers.map((leftover) => `after gc, ${leftover}`));
    for (const [what, found] of [
      ['files', files],
      ['records', blobs],
    ] as const) {
      const more = [...found].filter((digest) => !reachable.has(digest));
      if (more.length > 0) this.findings.push(`after gc there still are ${what} of ${more.join(' ')}`);
    }
    if (ingests.length + holders.length > 0)
      this.findings.push(`gc left ${[...ingests, ...holders].join(' ')}`);
    this.figures.push(`${files.size} blobs after gc`);
  }

  async #help(...words: string[]): Promise<boolean> {
    const { stdout } = await runCommand({ words: [...words, '--help'], root: this.#root, cwd: this.#folder });
    return stdout.toString().startsWith(`Usage: stowage ${words.join(' ')} `);
  }

  async #succeed(words: readonly string[]): Promise<void> {
    const { status, stderr } = await runCommand({ words, root: this.#root, cwd: this.#folder });
    if (status !== 0) this.findings.push(`${words.join(' ')} ended with ${status}: ${stderr}`);
  }
}

type Named = Operation & { readonly name: string };

/** As the processes tell the time. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

function describeAround(operations: readonly Operation[], misfit: Operation): string {
  const near = operations
    .filter(({ start, end }) => end > misfit.start - 2_000 && start < misfit.end)
    .sort((one, other) => one.start - other.start)
    .slice(-40);
  const lines = near.map(
    ({ label, start, end, found, left, uncertain }) =>
      `${(start - misfit.start).toFixed(1)} to ${(end - misfit.start).toFixed(1)} ms: ${label} found ${found} left ${left}` +
      (uncertain === true ? ' (perhaps)' : ''),
  );
  return `${misfit.label} found ${misfit.found}\n  ${lines.join('\n  ')}`;
}

/** The worker in one file; the library it gets is the built one. */
async function buildWorker(outfile: string): Promise<void> {
  await build({
    entryPoints: [join(import.meta.dirname, 'race-worker.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
  });
}
