/** Commands that change a store, with what they come to: made up by chance for the state a store is in. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { verifyArchive } from '../../src/archive/verify/verify-archive.js';
import type { Random } from '../fuzz/random.js';
import { GIVEN_NAMES, type Archive } from './archives.js';
import { withImage, withLabels, withoutImages, withTargets, type Ledger } from './ledger.js';
import type { Ended } from './process.js';

/** One command that may be stopped at any point. */
export interface Attempt {
  /** Of one kind are commands that take about as long. */
  readonly kind: string;
  readonly words: readonly string[];
  /** A file that comes in through a pipe. */
  readonly input?: string;
  /** The ledger once it is done. Whatever moment it is stopped at, the store is as before or so. */
  readonly after: Ledger;
  /** What it prints when it is done, if anything. */
  readonly report: string;
  /** What is wrong about what it wrote outside of the store. */
  inspect?(ended: Ended, done: boolean): Promise<readonly string[]>;
}

export interface World {
  readonly root: string;
  readonly archives: readonly Archive[];
  /** Where exports go. */
  readonly out: string;
  readonly random: Random;
}

const NAMES = ['a', 'b', 'c', 'd', 'e'].map((letter) => `example.org/some/${letter}:latest`);

/** A command that will succeed if nothing stops it. */
export function someCommand(world: World, ledger: Ledger): Attempt {
  const { random } = world;
  const present = [...ledger.images.keys()];
  const stored = [...ledger.content.keys()];
  const makers: (() => Attempt)[] = [
    ...repeated(9, () => importCommand(world, ledger)),
    ...repeated(3, () => quiet('gc', ['gc'], ledger)),
    ...repeated(2, () => leaseCommand(world, ledger)),
    ...repeated(3, () => ingestCommand(world, ledger)),
    ...repeated(3, () => namespaceCommand(world, ledger)),
  ];
  // It makes no store: one that was never begun is not found.
  if (existsSync(join(world.root, 'metadata.db'))) {
    makers.push(...repeated(2, () => quiet('fsck', ['fsck', '--repair'], ledger)));
  }
  if (present.length > 0) {
    makers.push(
      ...repeated(4, () => exportCommand(world, ledger, present)),
      ...repeated(3, () => removeCommand(world, ledger, present)),
      ...repeated(2, () => tagCommand(world, ledger, present)),
      ...repeated(2, () => labelCommand(world, ledger, present)),
    );
  }
  if (stored.length > 0) {
    makers.push(
      ...repeated(2, () => removeContentCommand(world, ledger, stored)),
      ...repeated(2, () => labelContentCommand(world, ledger, stored)),
    );
  }
  return random.pick(makers)();
}

function repeated<T>(times: number, value: T): T[] {
  return Array.from({ length: times }, () => value);
}

/** A command that leaves every record as it is. */
function quiet(kind: string, words: readonly string[], ledger: Ledger): Attempt {
  return { kind, words, after: ledger, report: '' };
}

function importCommand({ archives, random }: World, ledger: Ledger): Attempt {
  const archive = random.pick(archives);
  const piped = archive.form !== 'folder' && random.chance(0.4);
  const name = random.pick(NAMES);
  const targets = archive.images.map(({ name: own, digest }) => [own ?? name, digest] as const);
  const words = ['import', ...(archive.form === 'several' ? [] : [name]), piped ? '-' : archive.path];
  return {
    kind: `import ${archive.form}${piped ? ' from a pipe' : ''}`,
    words,
    ...(piped ? { input: archive.path } : {}),
    after: withTargets(ledger, targets),
    report: targets.map(([target, digest]) => `${target} ${digest}\n`).join(''),
  };
}

function exportCommand(world: World, ledger: Ledger, present: readonly string[]): Attempt {
  const { random, out } = world;
  const names = [...new Set([random.pick(present), ...(random.chance(0.3) ? [random.pick(present)] : [])])];
  const form = random.pick(['file', 'pipe', 'folder', 'compressed']);
  const words = (target: string) => [
    'export',
    ...(form === 'compressed' ? ['--compress', 'gzip'] : []),
    target,
    ...names,
  ];
  if (form === 'pipe') {
    return {
      ...quiet('export to a pipe', words('-'), ledger),
      inspect: async ({ stdout, status }) => {
        const verdict = await verdictOf(stdout);
        if (status === 0) return verdict === 'sound' ? [] : [`a finished export to a pipe is ${verdict}`];
        return [];
      },
    };
  }
  const target = join(out, `${form}-${random.int(2)}${form === 'folder' ? '/' : '.tar'}`);
  const before = form === 'folder' ? undefined : fingerprint(target);
  return {
    ...quiet(`export to a ${form === 'folder' ? 'folder' : 'file'}`, words(target), ledger),
    inspect: async (_, done) => {
      if (form === 'folder') {
        if (!existsSync(join(target, 'index.json'))) return done ? [`${target} has no index.json`] : [];
      } else {
        const now = fingerprint(target);
        if (now === undefined) return done || before !== undefined ? [`${target} is not there`] : [];
        if (!done && now === before) return [];
      }
      const verdict = await verdictOf(target);
      return verdict === 'sound' ? [] : [`${target} is ${verdict} (${done ? 'done' : 'stopped'})`];
    },
  };
}

/** The hash of a file, if it is there. */
export function fingerprint(path: string): string | undefined {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : undefined;
}

async function verdictOf(archive: string | Buffer): Promise<string> {
  try {
    const { verdict, findings } = await verifyArchive(archive);
    if (verdict === 'sound') return verdict;
    return `${verdict}: ${findings.map(({ message }) => message).join('; ')}`;
  } catch (error) {
    return `no archive: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function removeCommand({ random }: World, ledger: Ledger, present: readonly string[]): Attempt {
  const names = [...new Set(Array.from({ length: 1 + random.int(3) }, () => random.pick(present)))];
  return {
    kind: 'rm',
    words: ['rm', ...names],
    after: withoutImages(ledger, names),
    report: names.map((name) => `${name}\n`).join(''),
  };
}

function tagCommand({ random }: World, ledger: Ledger, present: readonly string[]): Attempt {
  const source = random.pick(present);
  const image = ledger.images.get(source)!;
  const names = [...new Set([random.pick(NAMES), random.pick([...NAMES, ...GIVEN_NAMES])])];
  let after = ledger;
  for (const name of names) {
    if (ledger.images.get(name)?.digest !== image.digest) after = withImage(after, name, image);
  }
  return {
    kind: 'tag',
    words: ['tag', '--force', source, ...names],
    after,
    report: names.map((name) => `${name}\n`).join(''),
  };
}

function labelCommand({ random }: World, ledger: Ledger, present: readonly string[]): Attempt {
  const name = random.pick(present);
  const image = ledger.images.get(name)!;
  const { labels, words, report } = relabelled(random, image.labels);
  return {
    kind: 'label',
    words: ['images', 'label', name, ...words],
    after: withImage(ledger, name, { ...image, labels }),
    report,
  };
}

/** Labels with another one, how a command says it, and what it prints. */
function relabelled(random: Random, before: Readonly<Record<string, string>>) {
  const labels = { ...before, [random.pick(['x', 'y', 'z'])]: `${random.int(1_000)}` };
  const words = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return { labels, words, report: `${words.sort().join(',')}\n` };
}

function leaseCommand({ random }: World, ledger: Ledger): Attempt {
  const id = `lease-${random.int(4)}`;
  const leases = new Set(ledger.leases);
  const there = leases.delete(id);
  if (!there) leases.add(id);
  return {
    kind: 'leases',
    words: there ? ['leases', 'rm', id] : ['leases', 'create', '--id', id, '--expires', '0'],
    after: { ...ledger, leases },
    report: `${id}\n`,
  };
}

/** The same input for the same reference: one that was stopped is continued. */
function ingestCommand({ archives, random }: World, ledger: Ledger): Attempt {
  const { path } = random.pick(archives.filter(({ form }) => form !== 'folder'));
  const digest = `sha256:${fingerprint(path)}`;
  return {
    kind: 'content ingest',
    words: ['content', 'ingest', `archive ${basename(path)}`],
    input: path,
    after: withLabels(ledger, 'content', digest, ledger.content.get(digest) ?? {}),
    report: `${digest}\n`,
  };
}

function removeContentCommand({ random }: World, ledger: Ledger, stored: readonly string[]): Attempt {
  const digest = random.pick(stored);
  return {
    kind: 'content rm',
    words: ['content', 'rm', digest],
    after: withLabels(ledger, 'content', digest, undefined),
    report: `${digest}\n`,
  };
}

function labelContentCommand({ random }: World, ledger: Ledger, stored: readonly string[]): Attempt {
  const digest = random.pick(stored);
  const { labels, words, report } = relabelled(random, ledger.content.get(digest)!);
  return {
    kind: 'content label',
    words: ['content', 'label', digest, ...words],
    after: withLabels(ledger, 'content', digest, labels),
    report,
  };
}

/** Makes a namespace with a label; of one that is there, changes the label or removes it. */
function namespaceCommand({ random }: World, ledger: Ledger): Attempt {
  const name = `team-${random.int(3)}`;
  const before = ledger.namespaces.get(name);
  if (before !== undefined && random.chance(0.5)) {
    const after = withLabels(ledger, 'namespaces', name, undefined);
    return { kind: 'namespaces rm', words: ['namespaces', 'rm', name], after, report: `${name}\n` };
  }
  const { labels, words, report } = relabelled(random, before ?? {});
  const after = withLabels(ledger, 'namespaces', name, labels);
  return before === undefined
    ? { kind: 'namespaces create', words: ['namespaces', 'create', name, ...words], after, report: '' }
    : { kind: 'namespaces label', words: ['namespaces', 'label', name, ...words], after, report };
}
