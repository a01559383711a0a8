import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMemoryStore } from '../backends/memory/index.js';
import { isStowageError, type StowageError } from '../errors.js';
import type { Store } from '../images/store.js';
import { importArchive, exportArchive, type ImportedImage } from './index.js';

/**
 * Image archives that other projects keep as test data, with a verdict on each that was reached by recomputing every
 * digest. They are not part of this repository: `CORPUS_DIR` says where they are. Names move where an archive gives one
 * to two images, as they do for the command.
 */
const corpus = resolve(process.env.CORPUS_DIR ?? '../shared/corpus');
const listing = join(corpus, 'INDEX.tsv');

interface Sample {
  readonly path: string;
  readonly format: string;
  readonly verdict: string;
  /** What the verdict rests on. */
  readonly notes: string;
}

const rows: Sample[] = existsSync(listing)
  ? readFileSync(listing, 'utf8')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => line.split('\t'))
      .map(([path = '', format = '', , verdict = '', , , , , , , notes = '']) => ({
        path,
        format,
        verdict,
        notes,
      }))
  : [];
const samples = rows.filter(({ format }) => /^(?:OCI|hybrid|docker)/.test(format));
const judged = (verdict: RegExp) =>
  samples.filter((sample) => verdict.test(sample.verdict) && !wrong.has(sample.path));

/** Verdicts that are wrong: what is said instead, and what of the sample shows it. */
const wrong = new Map<string, { readonly error: RegExp; readonly shown: () => boolean }>([
  [
    'aquasecurity_trivy/pkg/fanal/test/testdata/test_no_valid_manifests.oci/',
    // Called valid; an index has to state the version of its schema (image-spec image-index.md).
    {
      error: /"index\.json".*schemaVersion must be 2, it is missing/,
      shown: () =>
        !(
          'schemaVersion' in
          document('aquasecurity_trivy/pkg/fanal/test/testdata/test_no_valid_manifests.oci/index.json')
        ),
    },
  ],
  [
    'bazelbuild_rules_docker/container/go/pkg/oci/testdata/test_index5/',
    // Called partial for lack of platforms; the only image there is lacks a layer.
    {
      error: /is damaged, it lacks "sha256:26c668c4/,
      shown: () => {
        const place = 'bazelbuild_rules_docker/container/go/pkg/oci/testdata/test_index5';
        const { manifests } = document(`${place}/index.json`) as { manifests: { digest: string }[] };
        const blobs = `${place}/blobs/sha256`;
        const image = document(join(blobs, manifests[0]?.digest.slice(7) ?? '')) as {
          layers: { digest: string }[];
        };
        const isThere = ({ digest }: { digest: string }) => existsSync(join(corpus, blobs, digest.slice(7)));
        return manifests.length === 1 && !image.layers.every(isThere);
      },
    },
  ],
]);

function document(path: string): object {
  return JSON.parse(readFileSync(join(corpus, path), 'utf8')) as object;
}

/** What a refusal has to name, by what the verdict rests on. */
const NAMED: readonly (readonly [notes: RegExp, message: RegExp])[] = [
  [/no index\.json|index\.json unparsable/, /index\.json/],
  [/config name !=/, /image config "[0-9a-f]{64}\.json".*has the digest sha256:/],
  [/diff_ids\(\d+\)!=Layers/, /image config "[0-9a-f]{64}\.json" states \d+ layers|"sha256:[0-9a-f]{64}"/],
  [/layers do not hash to diff_id/, /layer ".*layer\.tar".*sha256:/],
  [/(?:digest|size) mismatches/, /blob "sha256:[0-9a-f]{64}".*(?:bytes instead of|digest)/],
  [/referenced blobs missing/, /"sha256:[0-9a-f]{64}" is absent/],
];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-corpus-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Outcome = { readonly store: Store; readonly images: readonly ImportedImage[] } | StowageError;

/** Imports it as a folder if it is one, as a tar (compressed if it is) and as a stream; all come to the same. */
async function imported({ path }: Sample): Promise<Outcome> {
  let tar = join(corpus, path);
  const sources: (() => string | AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>)[] = [
    () => tar,
  ];
  if (path.endsWith('/')) {
    const whole = tar;
    sources.unshift(() => whole);
    tar = join(folder, 'sample.tar');
    await promisify(execFile)('tar', ['-C', whole, '-cf', tar, '.']);
  }
  sources.push(async () => (await open(tar)).createReadStream());
  const outcomes: Outcome[] = [];
  for (const source of sources) outcomes.push(await importedFrom(await source()));
  const [first, ...others] = outcomes;
  if (first === undefined) throw new Error('an import has no outcome');
  for (const other of others) {
    if (first instanceof Error || other instanceof Error) expect(other).toBeInstanceOf(Error);
    else expect(targets(other.images)).toEqual(targets(first.images));
  }
  if (!(first instanceof Error)) expect(others.some((other) => other instanceof Error)).toBe(false);
  return first;
}

async function importedFrom(source: string | AsyncIterable<Uint8Array>): Promise<Outcome> {
  const store = openMemoryStore();
  try {
    const { images } = await importArchive(store, source, { onConflict: 'move' });
    return { store, images };
  } catch (error) {
    if (!isStowageError(error)) throw error;
    for await (const image of store.images.list())
      throw new Error(`${image.name} was named`, { cause: error });
    return error;
  }
}

const targets = (images: readonly Pick<ImportedImage, 'name' | 'target'>[]) =>
  images.map(({ name, target }) => [name, target.digest]);

/** Exports everything and imports that again: names and digests are the same. */
async function expectRoundTrip(store: Store, images: readonly ImportedImage[]): Promise<void> {
  if (images.length === 0) return;
  const tar = join(folder, 'again.tar');
  const names = [...new Set(images.map(({ name }) => name))];
  const exported = await exportArchive(store, names, tar);
  const again = await importArchive(openMemoryStore(), tar);
  expect(targets(again.images)).toEqual(targets(exported.images));
}

describe.skipIf(samples.length === 0)('archives of other projects (CORPUS_DIR)', () => {
  it('are all judged', () => {
    const known = samples.filter(({ verdict }) => /^(?:valid|partial|broken)/.test(verdict));
    expect(known).toEqual(samples);
  });

  it.each(judged(/^valid/))('import $path fully, and export it again', async (sample) => {
    const outcome = await imported(sample);
    if (outcome instanceof Error) throw outcome;
    const { store, images } = outcome;
    const states = images.flatMap(({ platforms }) => platforms.map(({ state }) => state));
    expect(states.filter((state) => state !== 'complete')).toEqual([]);
    await expectRoundTrip(store, images);
  });

  it.each(judged(/^partial/))('import what is there of $path, and name the rest', async (sample) => {
    const outcome = await imported(sample);
    if (outcome instanceof Error) throw outcome;
    const { store, images } = outcome;
    const platforms = images.flatMap((image) => image.platforms);
    expect(platforms.filter(({ state }) => state === 'complete')).not.toEqual([]);
    const absent = platforms.filter(({ state }) => state === 'absent');
    expect(absent).not.toEqual([]);
    for (const { platform, digest } of absent) {
      expect(platform).toMatch(/^[a-z]+\/\w+/);
      expect(await store.content.stat({ digest })).toBeUndefined();
    }
    await expectRoundTrip(store, images);
  });

  it.each(judged(/^broken/))('refuse $path, and name what is broken ($notes)', async (sample) => {
    const outcome = await imported(sample);
    const [, message] = NAMED.find(([notes]) => notes.test(sample.notes)) ?? [];
    expect(outcome).toMatchObject({
      name: 'StowageError',
      message: expect.stringMatching(message ?? /never/) as string,
    });
  });

  it.each([...wrong])('judge %s otherwise, and show why', async (path, { error, shown }) => {
    expect(shown()).toBe(true);
    const sample = samples.find((found) => found.path === path);
    if (sample === undefined) return;
    expect(await imported(sample)).toMatchObject({ message: expect.stringMatching(error) as string });
  });
});
