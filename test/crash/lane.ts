/** One store, and commands on it that are stopped one after the other. */
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { openStore } from '../../src/backends/dir/open-store.js';
import type { Random } from '../fuzz/random.js';
import { writeArchives } from './archives.js';
import { fingerprint, someCommand, type Attempt, type World } from './commands.js';
import { EMPTY_LEDGER, textOf, withTargets, type Ledger } from './ledger.js';
import { runCommand, type Ended, type Stop } from './process.js';
import { countsIn, noStrace, recording } from './system-calls.js';
import { Examiner, type RootFacts } from './soundness.js';

/** Whoever takes so long for little work waits for somebody who is dead, in milliseconds. */
const WAITS = 20_000;

/** What commands of one kind come to when nobody stops them. */
export interface Usual {
  readonly milliseconds: number;
  readonly changes: number;
  /** How often it makes each system call. */
  readonly calls: ReadonlyMap<string, number>;
}

/** What became of the commands of one kind. */
export interface Tally {
  rounds: number;
  /** How many were alive when they were stopped. */
  hit: number;
  /** Of those, how many had done all of their work, or at least reported it. */
  hitWhenDone: number;
}

export class Lane {
  readonly root: string;
  readonly tallies = new Map<string, Tally>();
  readonly findings: string[] = [];
  readonly #folder: string;
  readonly #world: World;
  readonly #signal: NodeJS.Signals;
  readonly #examiner: Examiner;
  readonly #usual: Map<string, Usual>;
  readonly #history: string[] = [];
  /** Digests of the archives as a whole, which no image has. */
  readonly #whole: ReadonlySet<string>;
  #ledger: Ledger = EMPTY_LEDGER;

  private constructor(folder: string, world: World, signal: NodeJS.Signals, usual: Map<string, Usual>) {
    this.#usual = usual;
    this.#folder = folder;
    this.root = world.root;
    this.#world = world;
    this.#signal = signal;
    this.#examiner = new Examiner(this.root);
    this.#whole = new Set(
      world.archives.filter(({ form }) => form !== 'folder').map(({ path }) => `sha256:${fingerprint(path)}`),
    );
  }

  /** `usual` is how long commands take, which several lanes find out together. */
  static async open(
    folder: string,
    random: Random,
    signal: NodeJS.Signals,
    usual: Map<string, Usual>,
  ): Promise<Lane> {
    const archives = join(folder, 'archives');
    await mkdir(archives, { recursive: true });
    const out = join(folder, 'out');
    await mkdir(out);
    const world: World = {
      root: join(folder, 'root'),
      archives: await writeArchives(archives, random),
      out,
      random,
    };
    return new Lane(folder, world, signal, usual);
  }

  /** Runs a command, stops it, and looks at what is left. */
  async round(): Promise<void> {
    const { random } = this.#world;
    const attempt = someCommand(this.#world, this.#ledger);
    const usual = this.#usual.get(attempt.kind);
    // How long it takes is not known before one came to its end.
    const stop = usual === undefined ? undefined : this.#moment(usual);
    const trace = stop === undefined && noStrace === undefined ? join(this.#folder, 'trace') : undefined;
    const ended = await this.#run({ ...attempt, stop, ...(trace ? { before: recording(trace) } : {}) });
    if (ended.status === 0) this.#learn(attempt.kind, ended, trace);
    const tally = this.#tally(attempt.kind);
    if (stop !== undefined) tally.rounds++;
    this.#history.push(
      `${attempt.words.join(' ')}${attempt.input === undefined ? '' : ` <${attempt.input}`} # ${ended.status}` +
        (stop === undefined
          ? ''
          : `, to be stopped at ${JSON.stringify(stop)}, usually ${usual?.milliseconds} ms`),
    );
    await this.#judge(attempt, ended, tally);
    if (random.chance(0.4)) await this.#recover();
  }

  /** What was ingested by itself stays only as long as its lease, and what was begun for whoever goes on with it. */
  async #endLeases(): Promise<void> {
    this.#ledger = { ...this.#ledger, content: new Map() };
    const store = await openStore({ root: this.root });
    for await (const { id } of store.leases.list())
      if (!this.#ledger.leases.has(id)) await store.leases.delete(id);
    for await (const { ref } of store.content.ingests()) await store.content.abortIngest(ref);
    await store.close();
  }

  /** The rest goes with one collection, and everything with another once nothing is named any more. */
  async finish(): Promise<void> {
    await this.#recover();
    await this.#collected();
    await this.#endLeases();
    const collected = await this.#collected();
    if (collected.ingests.length > 0) this.#find(`gc left ingests: ${collected.ingests.join(' ')}`);
    this.#compare('after gc', collected.files, collected.reachable);
    this.#compare('after gc, by the records', collected.blobs, collected.reachable);
    const names = [...this.#ledger.images.keys()];
    if (names.length > 0) await this.#succeed(['rm', ...names]);
    this.#ledger = { ...this.#ledger, images: new Map() };
    const empty = await this.#collected();
    this.#compare('after rm and gc', empty.files, new Set());
  }

  async #collected(): Promise<RootFacts> {
    await this.#succeed(['gc']);
    const facts = await this.#examine();
    for (const leftover of facts.leftovers) this.#find(`after gc, ${leftover}`);
    if (facts.holders.length > 0) this.#find(`gc left holders: ${facts.holders.join(' ')}`);
    if (facts.temporaryFiles.length > 0)
      this.#find(`gc left temporary files: ${facts.temporaryFiles.join(' ')}`);
    const orphans = facts.leases.filter(({ id, lasting }) => lasting === 0 && !this.#ledger.leases.has(id));
    if (orphans.length > 0) this.#find(`gc left leases: ${JSON.stringify(orphans)}`);
    return facts;
  }

  /** A command that nobody stops: it waits for nobody, and clears what the dead left outside of the store. */
  async #recover(): Promise<void> {
    const { archives } = this.#world;
    const archive = archives.find(({ form }) => form === 'image')!;
    const name = 'example.org/recovered:latest';
    await this.#succeed(['import', name, archive.path]);
    await this.#succeed(['export', join(this.#world.out, 'recovered.tar'), name]);
    this.#ledger = withTargets(this.#ledger, [[name, archive.images[0]!.digest]]);
    const left = (await readdir(this.#world.out, { recursive: true })).filter((file) =>
      file.endsWith('.part'),
    );
    if (left.length > 0) this.#find(`temporary files are still there: ${left.join(' ')}`);
    await this.#expect('after a command that nobody stopped', [this.#ledger]);
  }

  async #judge(attempt: Attempt, ended: Ended, tally: Tally): Promise<void> {
    const { status, stdout, stderr } = ended;
    const stopped = status === this.#signal || status === STATUS_OF[this.#signal];
    const text = attempt.kind === 'export to a pipe' ? '' : stdout.toString();
    const reported = status === 0 || (attempt.report !== '' && text.includes(attempt.report));
    if (status === 0 && attempt.report !== '' && text !== attempt.report) {
      this.#find(`it says ${JSON.stringify(text)} instead of ${JSON.stringify(attempt.report)}`);
    }
    if (status !== 0 && !stopped) this.#find(`it ended with ${status}: ${stderr.trim()}`);
    if (stopped && this.#signal !== 'SIGKILL') await this.#judgeManners(ended);
    if (stopped) tally.hit++;
    const before = this.#ledger;
    const found = await this.#expect(
      'after it was stopped',
      reported ? [attempt.after] : [before, attempt.after],
    );
    if (found !== undefined) this.#ledger = found;
    if (stopped && (reported || (found === attempt.after && textOf(before) !== textOf(found))))
      tally.hitWhenDone++;
    for (const finding of (await attempt.inspect?.(ended, reported)) ?? []) this.#find(finding);
  }

  /** Who was asked to end says so in a line, and leaves nothing behind. */
  async #judgeManners({ status, stderr }: Ended): Promise<void> {
    // Before its first line runs, a process can only be ended by the system.
    if (status === this.#signal) return;
    const lines = stderr.trim().split('\n');
    const said = this.#signal === 'SIGINT' ? 'stowage: interrupted' : 'stowage: terminated';
    // What is kept to go on with, and for how long, is worth a line of its own.
    const notes = lines.filter((line) =>
      /^stowage: (lease \S+ keeps|what was written is kept|"archive [^"]+" has) /.test(line),
    );
    if (lines.at(-1) !== said || lines.length !== notes.length + 1) {
      this.#find(`it says ${JSON.stringify(stderr)} when it is stopped`);
    }
    const left = (await readdir(this.#world.out, { recursive: true })).filter((file) =>
      file.endsWith('.part'),
    );
    if (left.length > 0) this.#find(`it left temporary files: ${left.join(' ')}`);
  }

  /** Looks at the root, which is to hold one of these; answers which. */
  async #expect(when: string, ledgers: readonly Ledger[]): Promise<Ledger | undefined> {
    const facts = await this.#examine();
    const labelsOf = (text: string) => JSON.parse(text) as Record<string, string>;
    const actual = textOf({
      images: new Map(
        facts.images.map(({ name, digest, labels }) => [name, { digest, labels: labelsOf(labels) }]),
      ),
      leases: new Set(facts.leases.map(({ id }) => id).filter((id) => id.startsWith('lease-'))),
      content: new Map(
        facts.content
          .filter(({ digest }) => this.#whole.has(digest))
          .map(({ digest, labels }) => [digest, labelsOf(labels)]),
      ),
      namespaces: new Map(
        facts.namespaces
          .filter(({ name }) => name !== 'default')
          .map(({ name, labels }) => [name, labelsOf(labels)]),
      ),
    });
    const found = ledgers.find((ledger) => textOf(ledger) === actual);
    if (found === undefined) {
      const wanted = ledgers.map(textOf).join('\n  or\n');
      this.#find(`${when} the store holds\n${actual}\n  instead of\n${wanted}`);
    }
    return found;
  }

  async #examine(): Promise<RootFacts> {
    const facts = await this.#examiner.examine();
    for (const finding of facts.findings) this.#find(finding);
    return facts;
  }

  #compare(when: string, actual: ReadonlySet<string>, wanted: ReadonlySet<string>): void {
    const more = [...actual].filter((digest) => !wanted.has(digest));
    const less = [...wanted].filter((digest) => !actual.has(digest));
    if (more.length > 0) this.#find(`${when} there still is ${more.join(' ')}`);
    if (less.length > 0) this.#find(`${when} there is no ${less.join(' ')}`);
  }

  async #succeed(words: readonly string[]): Promise<void> {
    const ended = await this.#run({ words });
    this.#history.push(`${words.join(' ')} # ${ended.status}, nobody stops it`);
    if (ended.status !== 0)
      this.#find(`${words.join(' ')} ended with ${ended.status}: ${ended.stderr.trim()}`);
    if (ended.milliseconds > WAITS) this.#find(`${words.join(' ')} took ${ended.milliseconds.toFixed(0)} ms`);
  }

  #run(call: Pick<Parameters<typeof runCommand>[0], 'words' | 'input' | 'stop' | 'before'>): Promise<Ended> {
    const { out } = this.#world;
    const watched = [
      ...['', 'holders', 'ingest', 'blobs/sha256'].map((path) => join(this.root, path)),
      ...['', 'folder-0', 'folder-0/blobs/sha256', 'folder-1', 'folder-1/blobs/sha256'].map((path) =>
        join(out, path),
      ),
    ];
    return runCommand({ ...call, root: this.root, cwd: this.#folder, watched });
  }

  /** Some time in the life of a command, or something it does: all have the same chance. */
  #moment({ milliseconds, changes, calls }: Usual): Stop {
    const { random } = this.#world;
    const signal = this.#signal;
    const part = random.int(1_000_000) / 1_000_000;
    const names = [...calls.keys()];
    // Every thread counts its calls, so that a signal would come more than once: the second one ends a command at once.
    if (signal === 'SIGKILL' && names.length > 0 && random.chance(0.6)) {
      const name = random.pick(names);
      return { signal, call: { name, number: 1 + Math.floor(calls.get(name)! * part) } };
    }
    if (random.chance(0.6)) return { signal, milliseconds: Math.round(1.1 * milliseconds * part) };
    return { signal, changes: 1 + Math.floor(1.1 * changes * part) };
  }

  #learn(kind: string, { milliseconds, changes }: Ended, trace: string | undefined): void {
    const known = this.#usual.get(kind);
    const calls = trace === undefined ? (known?.calls ?? new Map<string, number>()) : countsIn(trace);
    const between = (before: number | undefined, now: number) =>
      Math.round(0.7 * (before ?? now) + 0.3 * now);
    this.#usual.set(kind, {
      milliseconds: between(known?.milliseconds, milliseconds),
      changes: between(known?.changes, changes),
      calls,
    });
  }

  #tally(kind: string): Tally {
    const tally = this.tallies.get(kind) ?? { rounds: 0, hit: 0, hitWhenDone: 0 };
    this.tallies.set(kind, tally);
    return tally;
  }

  #find(finding: string): void {
    this.findings.push(
      `${finding}\n    after\n${this.#history
        .slice(-6)
        .map((line) => `      ${line}\n`)
        .join('')}`,
    );
  }
}

const STATUS_OF: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143 };

/** Removes everything that nothing keeps, from inside this process. */
export async function collectAll(root: string): Promise<void> {
  const store = await openStore({ root });
  try {
    await store.collector.collect({ thorough: true });
  } finally {
    await store.close();
  }
}

/** Runs so many rounds on several stores at once, as many in each; answers how long it took, in seconds. */
export async function runLanes(lanes: readonly Lane[], rounds: number): Promise<number> {
  const started = performance.now();
  await Promise.all(
    lanes.map(async (lane, place) => {
      const share = Math.floor(rounds / lanes.length) + (place < rounds % lanes.length ? 1 : 0);
      const done = () => [...lane.tallies.values()].reduce((sum, tally) => sum + tally.rounds, 0);
      while (done() < share && lane.findings.length === 0) await lane.round();
      if (lane.findings.length === 0) await lane.finish();
    }),
  );
  return (performance.now() - started) / 1_000;
}

/** The figures, a line a kind of command. */
export function figuresOf(lanes: readonly Lane[], seconds: number): string {
  const sums = new Map<string, Tally>();
  const total: Tally = { rounds: 0, hit: 0, hitWhenDone: 0 };
  for (const [kind, tally] of lanes.flatMap((lane) => [...lane.tallies])) {
    const sum = sums.get(kind) ?? { rounds: 0, hit: 0, hitWhenDone: 0 };
    for (const key of ['rounds', 'hit', 'hitWhenDone'] as const) {
      sum[key] += tally[key];
      total[key] += tally[key];
    }
    sums.set(kind, sum);
  }
  const row = (kind: string, { rounds, hit, hitWhenDone }: Tally) =>
    `${kind.padEnd(32)}${String(rounds).padStart(7)}${String(hit).padStart(7)}${String(hitWhenDone).padStart(17)}`;
  return [
    `${'command'.padEnd(32)} rounds    hit  with its work done`,
    ...[...sums].sort().map(([kind, tally]) => row(kind, tally)),
    row('all', total),
    `${seconds.toFixed(0)} s, ${lanes.flatMap(({ findings }) => findings).length} findings`,
  ].join('\n');
}
