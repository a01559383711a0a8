/** Real commands on a store, one after the other, as they are followed to find out what a power cut leaves. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { digestOf } from '../../src/io/hash.js';
import { config, layer, manifest } from '../../src/testing/build-image.js';
import { layoutTar, named } from '../support/build-archive.js';

const COMMAND = fileURLToPath(new URL('../../dist/bin/stowage.js', import.meta.url));
const WRITER = fileURLToPath(new URL('writer.js', import.meta.url));
const INGEST_WRITER = fileURLToPath(new URL('ingest-writer.js', import.meta.url));
const SPOILER = fileURLToPath(new URL('spoiler.js', import.meta.url));

export interface Workload {
  /** What loses its power. */
  readonly disk: string;
  /** The root of the store, some folders below that did not exist. */
  readonly root: string;
  /** Archives with two images each, which share layers; they are on another disk. */
  readonly archives: { readonly first: string; readonly second: string };
  readonly steps: readonly Step[];
}

export interface Step {
  readonly title: string;
  readonly args: readonly string[];
  /** What was told before, and is no image: it has to be there all the time. */
  readonly promised?: readonly string[];
  /** That moves from one folder to another: a disk that may lose one half of a move may lose it. */
  readonly moves?: boolean;
  /** No command of ours: what is there in the middle of it is nobody's promise. */
  readonly foreign?: boolean;
}

/** What is ingested in parts, and under which reference. */
export const PARTS = ['the first part, ', 'the second part, ', 'the rest'];
export const PARTS_REF = 'in parts';
const offsetAfter = (parts: number) => PARTS.slice(0, parts).join('').length;

/** Content that is labelled and removed by itself. */
const ALONE = 'a blob alone';
const aloneDigest = digestOf(Buffer.from(ALONE));
/** Content that something else than a store writes over, so that there is something to repair. */
const SPOILED = 'a blob that rots';
export const SPOILED_DIGEST = digestOf(Buffer.from(SPOILED));

const shared = layer('base', 'base '.repeat(1500));
const one = manifest(config({ os: 'linux', created: '2020-01-01T00:00:00Z' }), shared, layer('one', 'one'));
const two = manifest(config({ os: 'linux', created: '2021-01-01T00:00:00Z' }), shared, layer('two', 'two'));
const three = manifest(config({ os: 'linux', created: '2022-01-01T00:00:00Z' }), layer('three', 'three'));

/** The names that the archives have. */
export const ONE = 'example.com/one:1';
export const TWO = 'example.com/two:1';
export const THREE = 'example.com/three:1';

export async function workloadIn(folder: string): Promise<Workload> {
  const disk = join(folder, 'disk');
  const root = join(disk, 'new', 'deep', 'root');
  const archives = { first: join(folder, 'first.tar'), second: join(folder, 'second.tar') };
  await mkdir(disk);
  await writeFile(archives.first, layoutTar(named(ONE, one), named(TWO, two)));
  await writeFile(archives.second, layoutTar(named(TWO, one), named(THREE, three)));
  const file = join(disk, 'out.tar');
  const layout = join(disk, 'layout') + '/';
  const step = (title: string, ...args: string[]): Step => ({
    title,
    args: [COMMAND, '--root', root, ...args],
  });
  const part = (number: number): Step => ({
    title: `part ${number} of an ingest`,
    args: [
      ...[INGEST_WRITER, root, PARTS_REF, PARTS[number - 1] ?? ''],
      ...[number === PARTS.length ? 'commit' : '', digestOf(Buffer.from(PARTS.join('')))],
    ],
    moves: number === PARTS.length,
    ...(number > 1 && { promised: [`default ingest ${PARTS_REF} ${offsetAfter(number - 1)}`] }),
  });
  return {
    disk,
    root,
    archives,
    steps: [
      step('import', 'images', 'import', archives.first),
      step('import of what shares layers and moves a name', 'images', 'import', archives.second),
      step('tag', 'images', 'tag', ONE, 'example.com/tagged:1'),
      step('label', 'images', 'label', ONE, 'team=web'),
      step('export to a file', 'images', 'export', file, ONE),
      step('export over a file', 'images', 'export', file, ONE, THREE),
      step('export to a folder', 'images', 'export', layout, ONE),
      step('export into a folder', 'images', 'export', layout, THREE),
      step('import into another namespace', '-n', 'other', 'images', 'import', archives.first),
      step('rm', 'images', 'rm', THREE, 'example.com/tagged:1'),
      step('rm in the other namespace', '-n', 'other', 'images', 'rm', ONE, TWO),
      { title: 'use of the library', args: [WRITER, root] },
      step('import again', 'images', 'import', archives.second),
      part(1),
      part(2),
      part(3),
      step('namespaces create', 'namespaces', 'create', 'team', 'owner=web'),
      step('namespaces rm', 'namespaces', 'rm', 'team'),
      step('leases create', 'leases', 'create', '--id', 'kept', '--expires', '0', 'x=1'),
      step('leases rm', 'leases', 'rm', 'kept'),
      { title: 'blobs alone', args: [INGEST_WRITER, root, 'alone', ALONE, 'commit'] },
      step('content label', 'content', 'label', aloneDigest, 'team=web'),
      step('content rm', 'content', 'rm', aloneDigest),
      step('rm without a collection', 'images', 'rm', '--no-gc', ONE),
      step('gc', 'gc'),
      { title: 'blobs that will rot', args: [INGEST_WRITER, root, 'spoiled', SPOILED, 'commit'] },
      { title: 'a write that fails', args: [INGEST_WRITER, root, '', 'half of it', 'fail'] },
      { title: 'rot', args: [SPOILER, blobFile(root, SPOILED_DIGEST)], foreign: true },
      step('fsck --repair', 'fsck', '--repair'),
    ],
  };
}

function blobFile(root: string, digest: string): string {
  return join(root, 'blobs', ...digest.split(':'));
}
