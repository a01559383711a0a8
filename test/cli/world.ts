/** Homes for command-line tests: a folder with archives and perhaps a filled store, and a way to run commands in it. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { cp, mkdtemp, rm, writeFile, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import {
  blob,
  config,
  forPlatform,
  index,
  layer,
  manifest,
  pointedTo,
} from '../../src/testing/build-image.js';
import { layoutEntries, tarOf } from '../support/build-archive.js';

/** The built command. `STOWAGE_BIN` puts another build in its place. */
export const COMMAND = resolve(process.env.STOWAGE_BIN ?? 'dist/bin/stowage.js');

export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status, or the name of the signal that ended the process. */
  readonly status: number | string;
}

/** Nothing of the machine's environment but what finds programs. */
export function environment(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env.PATH,
    HOME: home,
    TZ: 'UTC',
    COLUMNS: '80',
    NO_COLOR: '1',
    LANG: 'C.UTF-8',
  };
}

export function start(
  home: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcessByStdio<Writable, Readable, Readable> {
  return spawn(process.execPath, [COMMAND, ...words], {
    cwd: home,
    env: { ...environment(home), ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs a command to its end. */
export async function run(
  home: string,
  words: readonly string[],
  { env = {}, stdin }: { readonly env?: NodeJS.ProcessEnv; readonly stdin?: Uint8Array } = {},
): Promise<Outcome> {
  const child = start(home, words, env);
  // A command that refuses its arguments does not read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  return outcomeOf(child);
}

export async function outcomeOf(child: ChildProcessByStdio<Writable, Readable, Readable>): Promise<Outcome> {
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const status = await new Promise<number | string>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => done(code ?? signal ?? 'unknown'));
  });
  return { stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString(), status };
}

const amd64 = manifest(config({ architecture: 'amd64' }), layer('motd', 'hello from amd64\n'));
const other = manifest(config({ architecture: 'amd64', author: 'somebody' }), layer('motd', 'hello again\n'));
const s390x = manifest(config({ architecture: 's390x' }), layer('motd', 'hello from s390x\n'));
const riscv64 = manifest(config({ architecture: 'riscv64' }), layer('motd', 'hello from riscv64\n'));
const ppc64le = manifest(config({ architecture: 'ppc64le' }), layer('motd', 'hello from ppc64le\n'));
const many = index(forPlatform('linux/s390x', s390x), forPlatform('linux/riscv64', riscv64));
const sparse = index(forPlatform('linux/s390x', s390x), forPlatform('linux/ppc64le', ppc64le));

const REF = 'org.opencontainers.image.ref.name';
const NAME = 'io.containerd.image.name';
const tagged = (tag: string) => ({ annotations: { [REF]: tag } });
const named = (name: string) => ({
  annotations: { [NAME]: name, [REF]: name.slice(name.lastIndexOf(':') + 1) },
});

/** Digests that golden files and tests speak of. */
export const DIGESTS = {
  amd64: amd64.descriptor.digest,
  amd64Layer: layer('motd', 'hello from amd64\n').descriptor.digest,
  absent: `sha256:${'0'.repeat(64)}`,
} as const;

const note = manifest(
  blob('{}', 'application/vnd.oci.empty.v1+json'),
  blob('a note about it', 'text/plain'),
  { subject: amd64.descriptor, artifactType: 'application/x-note' },
);
const signature = pointedTo(
  manifest(config({ author: 'a signer' }), blob('its signature', 'text/plain')),
  tagged(`${amd64.descriptor.digest.replace(':', '-')}.sig`),
);
const twins = index(
  pointedTo(amd64, named('example.org/team/twin:1')),
  pointedTo(other, named('example.org/team/twin:1')),
);

/** The archives in every home, by file name. */
export const ARCHIVES: Readonly<Record<string, Uint8Array>> = {
  'one.tar': tarOf(layoutEntries(index(pointedTo(amd64, tagged('latest'))))),
  'other.tar': tarOf(layoutEntries(index(pointedTo(other, tagged('latest'))))),
  'many.tar': tarOf(layoutEntries(index(pointedTo(many, named('example.org/team/many:1'))))),
  'two.tar': tarOf(
    layoutEntries(
      index(pointedTo(amd64, named('example.org/team/a:1')), pointedTo(other, named('example.org/team/b:1'))),
    ),
  ),
  'sparse.tar': tarOf(
    layoutEntries(index(pointedTo(sparse, named('example.org/team/sparse:1')))).filter(
      ({ name }) => ![...ppc64le.blobs.keys()].some((digest) => name.endsWith(digest.slice(7))),
    ),
  ),
  'unnamed.tar': tarOf(layoutEntries(index(amd64))),
  'empty.tar': tarOf(layoutEntries(index())),
  'cut.tar': tarOf(layoutEntries(index(pointedTo(amd64, tagged('latest'))))).subarray(0, 4000),
  'damaged.tar': tarOf(
    layoutEntries(index(pointedTo(amd64, tagged('latest')))).map((entry) =>
      entry.name.endsWith(DIGESTS.amd64Layer.slice(7)) ? { ...entry, content: 'something else' } : entry,
    ),
  ),
  'damaged-same-size.tar': tarOf(
    layoutEntries(index(pointedTo(amd64, tagged('latest')))).map((entry) =>
      entry.name.endsWith(DIGESTS.amd64Layer.slice(7))
        ? { ...entry, content: Buffer.from(entry.content as Uint8Array).fill(65, 512, 520) }
        : entry,
    ),
  ),
  'signed.tar': tarOf(layoutEntries(index(pointedTo(amd64, named('example.org/team/a:1')), signature, note))),
  'twins.tar': tarOf(layoutEntries(twins)),
  'half-damaged.tar': tarOf(
    layoutEntries(
      index(pointedTo(amd64, named('example.org/team/a:1')), pointedTo(other, named('example.org/team/b:1'))),
    ).filter(({ name }) => !name.endsWith(DIGESTS.amd64Layer.slice(7))),
  ),
  'not-a-tar': Buffer.from('this is a text, and it is long enough to hold the header of a tar\n'.repeat(20)),
  'stray.tar': tarOf([
    ...layoutEntries(index(pointedTo(amd64, tagged('latest')))),
    ...layoutEntries(blob('nobody refers to me'))
      .filter(({ name }) => name === 'index.json')
      .map(({ content }) => ({
        name: `blobs/sha256/${blob('nobody refers to me').descriptor.digest.slice(7)}`,
        content: content!,
      })),
  ]),
};

/** Makes homes, and removes them all at the end. */
export class Homes {
  readonly #made: string[] = [];

  /** A home with the archives and nothing else, or a copy of another one. */
  async make(from?: string): Promise<string> {
    const home = await mkdtemp(join(tmpdir(), 'stowage-cli-'));
    this.#made.push(home);
    if (from !== undefined) {
      await cp(from, home, { recursive: true });
      return home;
    }
    await mkdir(join(home, 'folder'));
    for (const [name, bytes] of Object.entries(ARCHIVES)) await writeFile(join(home, name), bytes);
    return home;
  }

  async removeAll(): Promise<void> {
    for (const home of this.#made) await rm(home, { recursive: true, force: true });
  }
}
