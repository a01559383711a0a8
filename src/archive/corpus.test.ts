import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/index.js';
import { isStowageError } from '../errors.js';
import type { Store } from '../images/store.js';
import { importArchive, exportArchive } from './index.js';

/**
 * Image archives that other projects keep as test data, with a verdict on each that was reached by recomputing every
 * digest. They are not part of this repository: `CORPUS_DIR` says where they are.
 */
const corpus = resolve(process.env.CORPUS_DIR ?? '../shared/corpus');
const listing = join(corpus, 'INDEX.tsv');

interface Sample {
  readonly path: string;
  readonly format: string;
  readonly verdict: string;
}

const samples: Sample[] = existsSync(listing)
  ? readFileSync(listing, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'))
      .map(([path = '', format = '', , verdict = '']) => ({ path, format, verdict }))
  : [];
const isImage = ({ format }: Sample) => /^(?:OCI|hybrid|docker)/.test(format);
const isSound = ({ verdict }: Sample) => /^(?:valid|partial)/.test(verdict);

/** Folders that the verdict calls sound and we do not, and why. */
const refused: Readonly<Record<string, RegExp>> = {
  // An index without the version that the specification requires.
  'aquasecurity_trivy/pkg/fanal/test/testdata/test_no_valid_manifests.oci/': /schemaVersion must be 2/,
  // The one image lacks a layer; "partial" is said of what its platforms lack.
  'bazelbuild_rules_docker/container/go/pkg/oci/testdata/test_index5/': /is damaged, it lacks/,
  // Two images of one name: which of them gets it would be left to chance.
  'containers_image/oci/layout/fixtures/delete_image_two_identical_references/': /to two images/,
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-corpus-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The sample as a tar, compressed if it is. */
async function tarOf({ path }: Sample): Promise<string> {
  if (!path.endsWith('/')) return join(corpus, path);
  const tar = join(folder, 'sample.tar');
  await promisify(execFile)('tar', ['-C', join(corpus, path), '-cf', tar, '.']);
  return tar;
}

/** Imports it from where it is, from a file and as a stream; all have to come to the same. */
async function imported(sample: Sample): Promise<{ store: Store; names: readonly string[] } | Error> {
  const tar = await tarOf(sample);
  const folders = sample.path.endsWith('/') ? [() => join(corpus, sample.path)] : [];
  const outcomes: ({ store: Store; names: readonly string[] } | Error)[] = [];
  for (const source of [...folders, () => tar, async () => (await open(tar)).createReadStream()]) {
    const store = openMemoryStore();
    const outcome = await importArchive(store, await source(), { baseName: undefined }).then(
      ({ images }) => ({ store, names: images.map(({ name }) => name) }),
      async (error: unknown) => {
        if (!isStowageError(error)) throw error;
        for await (const image of store.images.list()) throw new Error(`${image.name} was named`);
        return error;
      },
    );
    outcomes.push(outcome);
  }
  const [first, ...others] = outcomes;
  if (first === undefined) throw new Error('an import has no outcome');
  for (const other of others) {
    expect(other instanceof Error).toBe(first instanceof Error);
    if (!(first instanceof Error) && !(other instanceof Error)) expect(other.names).toEqual(first.names);
  }
  return first;
}

describe.skipIf(samples.length === 0)('archives of other projects (CORPUS_DIR)', () => {
  it.each(samples.filter((sample) => isImage(sample) && isSound(sample)))(
    'import and export $path',
    async (sample) => {
      const outcome = await imported(sample);
      const reason = refused[sample.path];
      if (reason !== undefined) {
        expect(outcome).toMatchObject({ message: expect.stringMatching(reason) as string });
        return;
      }
      if (outcome instanceof Error) throw outcome;
      const { store, names } = outcome;
      if (names.length === 0) return;
      const tar = join(folder, 'again.tar');
      const { images } = await exportArchive(store, names, tar);
      const again = await importArchive(openMemoryStore(), tar);
      expect(again.images.map(({ name, target }) => [name, target.digest])).toEqual(
        images.map(({ name, target }) => [name, target.digest]),
      );
    },
  );

  it.each(samples.filter((sample) => isImage(sample) && !isSound(sample)))('refuse $path', async (sample) => {
    const outcome = await imported(sample);
    expect(outcome).toMatchObject({ name: 'StowageError', message: expect.stringMatching(/"/) as string });
  });
});
