/**
 * One of many processes on one root: for some seconds it imports, removes, tags, labels, exports, collects and looks,
 * and writes down what it did, when, and what it saw. It knows nothing of the others.
 */
import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type * as Library from '../../src/index.js';
import { randomOf } from '../fuzz/random.js';
import type { Archive } from './archives.js';
import type { Operation, Value } from './serial-order.js';

export interface Task {
  /** Module of the library. */
  readonly library: string;
  readonly command: string;
  readonly root: string;
  /** A folder of this process alone. */
  readonly folder: string;
  readonly seed: number;
  readonly number: number;
  readonly seconds: number;
  readonly archives: readonly Archive[];
  /** Names that all processes write. */
  readonly shared: readonly string[];
  /** Names that only this one writes. */
  readonly own: readonly string[];
  /** Commands there are, such as `gc`. */
  readonly known: readonly string[];
}

/** What a process wrote down. */
export interface Account {
  /** By name. */
  readonly operations: readonly (Operation & { readonly name: string })[];
  /** What its own names are to be in the end. */
  readonly own: Readonly<Record<string, Value>>;
  readonly findings: readonly string[];
  /** How often it did what, and how often it was told no, with the code. */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * What a caller has to expect where others work on the same names.
 * NOT_FOUND: somebody removed the name, or what it named, before this call looked.
 * CONFLICT: somebody moved the name between this call's look at it and its change.
 */
const EXPECTED: Readonly<Record<string, readonly string[]>> = {
  import: [],
  'import command': [],
  'import from a pipe': [],
  remove: ['NOT_FOUND'],
  'rm command': ['NOT_FOUND'],
  tag: ['NOT_FOUND', 'CONFLICT'],
  label: ['NOT_FOUND'],
  export: ['NOT_FOUND'],
  'export command': ['NOT_FOUND'],
  look: [],
  list: [],
  read: ['NOT_FOUND'],
  collect: [],
  'gc command': [],
  lease: [],
  namespace: [],
};

/** The clock of the machine, which is the same for all processes. In milliseconds. */
const now = (): number => Number(process.hrtime.bigint()) / 1e6;

async function main(task: Task): Promise<void> {
  const library = (await import(pathToFileURL(task.library).href)) as typeof Library;
  const random = randomOf(task.seed, task.number);
  const operations: (Operation & { name: string })[] = [];
  const counts: Record<string, number> = {};
  const findings: string[] = [];
  const own: Record<string, Value> = Object.fromEntries(task.own.map((name) => [name, null]));
  const store = await library.openStore({
    root: task.root,
    onWarning: (message) => findings.push(`a warning: ${message}`),
  });
  let label = '';

  /** Writes down what happened to a name between a moment and now. */
  const note = (
    name: string,
    start: number,
    found: Operation['found'],
    left: Operation['left'],
    said = '',
  ): void => {
    const what = `process ${task.number}: ${label}${said}`;
    operations.push({ name, label: what, start, end: now(), found, left });
    if (name in own && left !== 'same') own[name] = left;
  };
  const codeOf = (error: unknown): string => {
    if (error instanceof CommandFailure || library.isStowageError(error)) return error.code;
    return error instanceof Error ? (error.stack ?? '') : String(error);
  };
  /** Runs a command of its own process; throws its code if it failed. */
  const command = (words: readonly string[], input?: string) =>
    new Promise<{ readonly json: never }>((done, fail) => {
      const argv = [task.command, '--root', task.root, '--json', ...words];
      const child = execFile(process.execPath, argv, { maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        if (error === null) return done({ json: (stdout === '' ? undefined : JSON.parse(stdout)) as never });
        const line = stderr.split('\n').find((each) => each.includes('"error"'));
        fail(new CommandFailure(line === undefined ? 'none' : String(JSON.parse(line).error.code), stderr));
      });
      child.stdin?.on('error', () => {});
      if (input !== undefined && child.stdin !== null) createReadStream(input).pipe(child.stdin);
    });
  type Imported = Pick<Library.ImportResult, 'images'>;
  const noteImport = (start: number, { images }: Imported): void => {
    for (const { name, target, outcome, previous } of images) {
      const found = outcome === 'created' ? null : outcome === 'moved' ? (previous ?? 'any') : target.digest;
      note(name, start, found, outcome === 'unchanged' ? 'same' : target.digest);
    }
  };
  const anyName = () => (random.chance(0.75) ? random.pick(task.shared) : random.pick(task.own));
  const importWords = (archive: Archive) => (archive.form === 'several' ? [] : [anyName()]);
  const missing = (name: string, start: number) => (error: unknown) => {
    if (codeOf(error) === 'NOT_FOUND') note(name, start, null, 'same', ` (${String(error)})`);
    throw error;
  };

  const actions: Readonly<Record<string, () => Promise<void>>> = {
    async import() {
      const archive = random.pick(task.archives);
      const [ref] = importWords(archive);
      const piped = archive.form !== 'folder' && random.chance(0.3);
      const source = piped ? createReadStream(archive.path) : archive.path;
      const start = now();
      noteImport(start, await library.importArchive(store, source, { ref, onConflict: 'move' }));
    },
    async 'import command'() {
      const archive = random.pick(task.archives);
      const words = ['import', ...importWords(archive), archive.path];
      const start = now();
      noteImport(start, (await command(words)).json);
    },
    async 'import from a pipe'() {
      const archive = random.pick(task.archives.filter(({ form }) => form !== 'folder'));
      const words = ['import', ...importWords(archive), '-'];
      const start = now();
      noteImport(start, (await command(words, archive.path)).json);
    },
    async remove() {
      const name = anyName();
      const start = now();
      await store.images.apply([{ op: 'delete', name }]).catch(missing(name, start));
      note(name, start, 'some', null);
    },
    async 'rm command'() {
      const name = anyName();
      const start = now();
      await command(['rm', name]).catch(missing(name, start));
      note(name, start, 'some', null);
    },
    async tag() {
      const source = anyName();
      const target = random.pick(task.own);
      const start = now();
      await command(['tag', '--force', source, target]).catch((error: unknown) => {
        if (source !== target) missing(source, start)(error);
        throw error;
      });
      if (source === target) return;
      // Only this process writes the target, so what it is now is what the source was then.
      const record = await store.images.get(target);
      const digest = record?.target.digest ?? null;
      if (digest === null) findings.push(`${target} is not there after it was tagged`);
      note(source, start, digest, 'same');
      note(target, start, 'any', digest);
    },
    async label() {
      const name = anyName();
      const start = now();
      const labels = { [random.pick(['x', 'y'])]: `${random.int(100)}` };
      const [record] = await store.images.apply([{ op: 'update', name, labels }]).catch(missing(name, start));
      note(name, start, record?.target.digest ?? null, 'same');
    },
    async export() {
      const name = anyName();
      const path = join(task.folder, `export-${random.int(2)}.tar`);
      const start = now();
      const { images } = await library.exportArchive(store, [name], path).catch(missing(name, start));
      note(name, start, images[0]?.target.digest ?? null, 'same');
      const { verdict, findings: said } = await library.verifyArchive(path);
      if (verdict !== 'sound') findings.push(`an export of ${name} is ${verdict}: ${said[0]?.message}`);
    },
    async 'export command'() {
      const name = anyName();
      const path = join(task.folder, `folder-${random.int(1_000)}/`);
      const start = now();
      await command(['export', path, name]).catch(missing(name, start));
      note(name, start, 'some', 'same');
      const { verdict, findings: said } = await library.verifyArchive(path);
      if (verdict !== 'sound') findings.push(`a folder of ${name} is ${verdict}: ${said[0]?.message}`);
      await rm(path, { recursive: true });
    },
    async look() {
      const name = anyName();
      const start = now();
      const record = await store.images.get(name);
      note(name, start, record?.target.digest ?? null, 'same');
    },
    async list() {
      const start = now();
      const found = new Map<string, string>();
      for await (const { name, target } of store.images.list()) found.set(name, target.digest);
      for (const name of task.shared) note(name, start, found.get(name) ?? null, 'same');
    },
    async read() {
      const record = await store.images.get(random.pick(task.own));
      if (record === undefined) return;
      // Of a name that nobody else writes, everything has to be there.
      const { state } = await inspect(record);
      if (state !== 'complete') findings.push(`${record.name} is ${state} while nobody else writes it`);
    },
    async collect() {
      await store.collector.collect({ thorough: random.chance(0.3) });
    },
    async 'gc command'() {
      await command(['gc']);
    },
    async lease() {
      // What a lease keeps stays whoever collects; without it, it may be gone before it is removed.
      const bytes = random.bytes(1 + random.int(5_000));
      const { json } = await command(['leases', 'create', '--expires', '1h']);
      const { id } = json as { id: string };
      const { digest } = await store.under({ id }).content.put(undefined, () => bytes);
      await store.collector.collect();
      if ((await store.content.stat({ digest })) === undefined)
        findings.push(`${digest} is gone under a lease`);
      await command(['leases', 'rm', id]);
      await store.content.delete(digest);
      if ((await store.content.stat({ digest })) !== undefined)
        findings.push(`${digest} is there after its removal`);
    },
    async namespace() {
      // Its blobs are those of other namespaces, where others remove them.
      const name = `team-${task.number}`;
      const archive = random.pick(task.archives);
      const own = store.namespace(name);
      const { images } = await library.importArchive(own, archive.path, {
        ...(archive.form === 'several' ? {} : { ref: 'example.org/team/image:latest' }),
        onConflict: 'move',
      });
      await store.collector.collect();
      for (const { name: image } of images) {
        const record = await own.images.get(image);
        const { state } = record === undefined ? { state: 'gone' } : await inspect(record, own);
        if (state !== 'complete') findings.push(`${image} of namespace ${name} is ${state}`);
      }
      await own.images.apply(images.map(({ name: image }) => ({ op: 'delete', name: image })));
      await store.collector.collect();
      if (!(await store.namespaces.delete(name))) findings.push(`namespace ${name} was not there`);
    },
  };
  const inspect = async (record: Library.ImageRecord, from = store) => {
    const states: string[] = [];
    for await (const node of library.walk(from.content, record.target)) {
      if ((await from.content.stat(node.descriptor)) === undefined) states.push(node.descriptor.digest);
    }
    return { state: states.length === 0 ? 'complete' : `without ${states.join(' ')}` };
  };

  const weights: Readonly<Record<string, number>> = {
    ...{ import: 14, 'import command': 3, 'import from a pipe': 2, remove: 8, 'rm command': 3, tag: 4 },
    ...{ label: 5, export: 5, 'export command': 1, look: 8, list: 3, read: 4 },
    ...{ collect: 4, lease: 2, namespace: 3 },
    'gc command': task.known.includes('gc') ? 2 : 0,
  };
  const choices = Object.entries(weights).flatMap(([kind, weight]) =>
    Array.from({ length: weight }, () => kind),
  );
  const end = now() + task.seconds * 1_000;
  for (let turn = 0; now() < end; turn++) {
    label = random.pick(choices);
    try {
      await actions[label]!();
      counts[label] = (counts[label] ?? 0) + 1;
    } catch (error) {
      const code = codeOf(error);
      const kind = `${label}, ${code}`;
      counts[kind] = (counts[kind] ?? 0) + 1;
      if (EXPECTED[label]?.includes(code) === true) continue;
      const text = error instanceof CommandFailure ? error.text : error instanceof Error ? error.stack : '';
      findings.push(`${label} failed with ${code}: ${text}`);
    }
    const name = random.pick(task.own);
    const found = (await store.images.get(name))?.target.digest ?? null;
    if (found !== own[name]) {
      findings.push(`after ${label}, ${name} is ${found} though this process left ${own[name]}`);
      own[name] = found;
    }
  }
  await store.close();
  const account: Account = { operations, own, findings, counts };
  await writeFile(join(task.folder, 'account.json'), JSON.stringify(account));
}

class CommandFailure extends Error {
  readonly code: string;
  readonly text: string;

  constructor(code: string, text: string) {
    super(text);
    this.code = code;
    this.text = text;
  }
}

void main(JSON.parse(process.argv[2]!) as Task);
