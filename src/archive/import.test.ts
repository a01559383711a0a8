import { execFile } from 'node:child_process';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  layoutEntries,
  layoutTar,
  named,
  pathOf,
  tarOf,
  type Entry,
} from '../../test/support/build-archive.js';
import { openMemoryStore } from '../backends/memory/index.js';
import { isStowageError, type StowageError } from '../errors.js';
import type { Store } from '../images/store.js';
import { gcLabels } from '../oci/children.js';
import { parseDigest } from '../oci/digest.js';
import { parseDocument } from '../oci/manifest.js';
import { OCI_INDEX, OCI_MANIFEST } from '../oci/media-type.js';
import {
  blob,
  config,
  forPlatform,
  index,
  layer,
  manifest,
  pointedTo,
  type Built,
} from '../testing/build-image.js';
import { inPieces } from '../testing/content.js';
import { importArchive, type ImportOptions } from './index.js';

const base = layer('base.txt', 'base');
const app = config();
const hello = manifest(app, base, layer('hello.txt', 'hello'));
const other = manifest(config({ architecture: 'arm64' }), base, layer('other.txt', 'other'));
const both = index(forPlatform('linux/amd64', hello), forPlatform('linux/arm64', other));

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-import-'));
  store = openMemoryStore();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const forms = {
  'from a file': async (tar: Uint8Array, options?: ImportOptions) => {
    const path = join(folder, 'x.tar');
    await writeFile(path, tar);
    return importArchive(store, path, options);
  },
  'from a stream': (tar: Uint8Array, options?: ImportOptions) =>
    importArchive(store, inPieces(tar, 700), options),
};

async function failure(work: Promise<unknown>): Promise<StowageError> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isStowageError(error))
    throw new Error(`expected a StowageError, got ${String(error)}`, { cause: error });
  expect(error.message).not.toContain('\n');
  return error;
}

/** The same blob, announced with a size that it does not have. */
function ofSize(size: number, built: Built): Built {
  return { ...built, descriptor: { ...built.descriptor, size } };
}

async function names(): Promise<string[]> {
  const found: string[] = [];
  for await (const { name } of store.images.list()) found.push(name);
  return found;
}

async function expectHeld(...built: readonly Built[]): Promise<void> {
  for (const { descriptor } of built) expect(await store.content.stat(descriptor)).toBeDefined();
}

describe('importArchive() from a named pipe', () => {
  it('waits for who writes it, and reads it to its end', async () => {
    const pipe = join(folder, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const importing = importArchive(store, pipe, { ref: 'a/b:latest' });
    await writeFile(pipe, layoutTar(named('latest', hello)));
    expect((await importing).images).toHaveLength(1);
    const nothing = failure(importArchive(store, pipe));
    await writeFile(pipe, '');
    expect((await nothing).message).toContain('it is empty');
  });

  it.each(['that nobody writes', 'whose writer says nothing'])('can be stopped at one %s', async (which) => {
    const pipe = join(folder, 'pipe');
    await promisify(execFile)('mkfifo', [pipe]);
    const writer = which === 'that nobody writes' ? undefined : await open(pipe, 'r+');
    const reason = new Error('stop');
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 100);
    await expect(importArchive(store, pipe, { signal: controller.signal })).rejects.toBe(reason);
    await writer?.close();
  });
});

describe.each(Object.entries(forms))('importArchive() %s', (_, run) => {
  it('names what the archive calls by the tag of the given name', async () => {
    const result = await run(layoutTar(named('latest', hello)), { ref: 'foo/new:latest' });
    expect(result.images).toMatchObject([{ name: 'foo/new:latest', outcome: 'created', unnamed: false }]);
    expect((await store.images.get('foo/new:latest'))?.target.digest).toBe(hello.descriptor.digest);
    expect(result.blobs).toEqual({ written: 4, existed: 0 });
    await expectHeld(hello, base, app);
  });

  it('moves nothing the second time', async () => {
    const tar = layoutTar(named('latest', hello));
    await run(tar);
    const before = await store.images.get((await names())[0] ?? '');
    const result = await run(tar);
    expect(result.images).toMatchObject([{ outcome: 'unchanged' }]);
    expect(result.blobs).toEqual({ written: 0, existed: 4 });
    expect(await store.images.get(before?.name ?? '')).toEqual(before);
  });

  it('takes entries in any order, and names that begin with ./', async () => {
    const entries = layoutEntries(index(named('latest', both))).reverse();
    const dotted = entries.map((entry) => ({ ...entry, name: `./${entry.name}` }));
    const result = await run(tarOf(dotted), { ref: 'a/b:latest' });
    expect(result.images[0]?.platforms.map(({ platform, state }) => [platform, state])).toEqual([
      ['linux/amd64', 'complete'],
      ['linux/arm64', 'complete'],
    ]);
    await expectHeld(both, hello, other);
  });

  it('passes over entries that are no regular files, and what a Mac leaves in a tar', async () => {
    const odd: Entry[] = [
      { name: 'blobs/', type: 'directory' },
      { name: 'blobs/sha256/', type: 'directory' },
      { name: 'index.json', type: 'symlink', linkName: '/etc/passwd' },
      { name: 'README', content: 'anything' },
      { name: 'blobs/._.DS_Store', content: 'left by a Mac' },
      { name: 'blobs/sha256/._abc', content: 'left by a Mac' },
    ];
    const result = await run(tarOf([...odd, ...layoutEntries(index(named('latest', hello)))]));
    expect(result.images).toHaveLength(1);
  });

  it('labels manifests and indexes with what they refer to, keeping other labels', async () => {
    await store.content.put(hello.descriptor, () => hello.bytes, { labels: { mine: 'kept' } });
    await run(layoutTar(named('latest', both)));
    for (const built of [hello, both]) {
      const wanted = gcLabels(parseDocument(built.bytes, built.descriptor.mediaType, 'test'));
      expect((await store.content.info(built.descriptor.digest))?.labels).toMatchObject(wanted);
    }
    expect((await store.content.info(hello.descriptor.digest))?.labels).toMatchObject({ mine: 'kept' });
  });

  it('imports only the platforms asked for, and labels the index as whole', async () => {
    const options = { ref: 'a/b:latest', platforms: [{ os: 'linux', architecture: 'arm64' }] };
    const [layout, list, ...blobs] = layoutEntries(index(named('latest', both))) as [
      Entry,
      Entry,
      ...Entry[],
    ];
    // Parents first, as exporters write them: then a stream knows in time what it need not keep.
    const result = await run(tarOf([layout, list, ...blobs.reverse()]), options);
    expect(result.images[0]?.platforms.map(({ state }) => state)).toEqual(['left-out', 'complete']);
    const only = layer('hello.txt', 'hello');
    expect(await store.content.stat(only.descriptor)).toBeUndefined();
    await expectHeld(both, other, base);
    const { labels } = (await store.content.info(both.descriptor.digest)) ?? {};
    expect(Object.values(labels ?? {})).toEqual([hello.descriptor.digest, other.descriptor.digest]);
  });

  it('accepts and lists a platform whose manifest is absent', async () => {
    const entries = layoutEntries(index(named('latest', both))).filter(({ name }) => name !== pathOf(other));
    const result = await run(tarOf(entries), { ref: 'a/b:latest' });
    expect(result.images[0]?.platforms.map(({ state }) => state)).toEqual(['complete', 'absent']);
    const refused = await failure(run(tarOf(entries), { ref: 'a/b:latest', allPlatforms: true }));
    expect(refused.code).toBe('NOT_FOUND');
    expect(refused.message).toContain('linux/arm64');
  });

  it('refuses an image that lacks a layer, names nothing, keeps what was there', async () => {
    const before = await run(layoutTar(named('latest', hello)), { ref: 'a/b:latest' });
    const entries = layoutEntries(index(named('latest', other)));
    const [, missing] = parseLayers(other);
    const error = await failure(
      run(tarOf(entries.filter(({ name }) => !name.endsWith(missing ?? '?'))), { ref: 'a/b:latest' }),
    );
    expect(error.code).toBe('INVALID');
    expect(error.message).toContain(missing);
    expect((await store.images.get('a/b:latest'))?.target.digest).toBe(before.images[0]?.target.digest);
  });

  it('takes a blob the archive lacks from the store', async () => {
    await store.content.put(base.descriptor, () => base.bytes);
    const entries = layoutEntries(index(named('latest', hello))).filter(({ name }) => name !== pathOf(base));
    expect((await run(tarOf(entries))).blobs).toEqual({ written: 3, existed: 1 });
  });

  const broken = (change: (entries: Entry[]) => Entry[]) =>
    tarOf(change(layoutEntries(index(named('latest', hello)))));
  it.each<[string, StowageError['code'], RegExp, () => Uint8Array]>([
    [
      'a blob name of the wrong shape',
      'INVALID',
      /"blobs\/sha256\/a\/b": unexpected name/,
      () => broken((entries) => [...entries, { name: 'blobs/sha256/a/b', content: 'x' }]),
    ],
    [
      'an encoded part that is no digest',
      'INVALID',
      /unexpected name/,
      () => broken((entries) => [...entries, { name: 'blobs/sha256/ABC', content: 'x' }]),
    ],
    [
      'an unknown algorithm',
      'UNSUPPORTED',
      /unsupported algorithm "md5"/,
      () => broken((entries) => [...entries, { name: 'blobs/md5/abc', content: 'x' }]),
    ],
    [
      'content with another digest',
      'MISMATCH',
      /has the digest sha256:/,
      () =>
        broken((entries) =>
          entries.map((entry) =>
            entry.name === pathOf(base) ? { ...entry, content: flipped(base) } : entry,
          ),
        ),
    ],
    [
      'content of another size',
      'MISMATCH',
      /bytes instead of|has the digest/,
      () =>
        broken((entries) =>
          entries.map((entry) => (entry.name === pathOf(base) ? { ...entry, content: 'short' } : entry)),
        ),
    ],
    [
      'a missing index',
      'INVALID',
      /missing index\.json/,
      () => broken((entries) => entries.filter(({ name }) => name !== 'index.json')),
    ],
    [
      'another layout version',
      'UNSUPPORTED',
      /unsupported OCI version "2\.0\.0"/,
      () =>
        broken((entries) =>
          entries.map((entry) =>
            entry.name === 'oci-layout' ? { ...entry, content: '{"imageLayoutVersion":"2.0.0"}' } : entry,
          ),
        ),
    ],
    [
      'an index twice with different content',
      'INVALID',
      /"index\.json" twice/,
      () => broken((entries) => [...entries, { name: './index.json', content: index().bytes }]),
    ],
    [
      'an index that is no JSON',
      'INVALID',
      /"index\.json" of/,
      () =>
        broken((entries) =>
          entries.map((entry) =>
            entry.name === 'index.json' ? { ...entry, content: '{"schemaVersion' } : entry,
          ),
        ),
    ],
    [
      'a tar that is no image',
      'INVALID',
      /unrecognized image format/,
      () => tarOf([{ name: 'hello.txt', content: 'hi' }]),
    ],
    [
      'a manifest missing altogether',
      'NOT_FOUND',
      /is absent/,
      () => broken((entries) => entries.filter(({ name }) => name !== pathOf(hello))),
    ],
    [
      'an archive cut inside an entry',
      'INVALID',
      /cut off/,
      () => layoutTar(named('latest', hello)).subarray(0, -1300),
    ],
    [
      'an archive cut between two entries',
      'INVALID',
      /cut off/,
      () =>
        tarOf(
          layoutEntries(index(named('latest', both))).filter(({ name }) => name !== pathOf(other)),
          { end: false },
        ),
    ],
    [
      'two archives in one',
      'INVALID',
      /after its end/,
      () => Buffer.concat([layoutTar(named('latest', hello)), layoutTar(named('latest', other))]),
    ],
    ['an empty file', 'INVALID', /empty/, () => new Uint8Array()],
    [
      'an archive that ends before its index, without end mark',
      'INVALID',
      /cut off/,
      () => tarOf([{ name: pathOf(base), content: base.bytes }], { end: false }),
    ],
    [
      'a manifest that its index announces with another size',
      'MISMATCH',
      /of .*(x\.tar"|the archive stream): it has \d+ bytes instead of 7/,
      () => layoutTar(named('latest', ofSize(7, hello))),
    ],
    [
      'a layer that is announced with two sizes',
      'MISMATCH',
      /with \d+ bytes and with 7/,
      () => layoutTar(named('latest', manifest(app, base, ofSize(7, base)))),
    ],
    [
      'a manifest that is also announced as an index',
      'INVALID',
      /(x\.tar"|the archive stream): .*manifest/,
      () => layoutTar(named('latest', index(hello, pointedTo(hello, { mediaType: OCI_INDEX })))),
    ],
    [
      'a manifest that cannot be read, saying of which archive it is',
      'INVALID',
      /^Cannot import .*(x\.tar"|the archive stream): .*it is not JSON/,
      () => layoutTar(named('latest', blob('nonsense', OCI_MANIFEST))),
    ],
  ])('refuses %s, naming nothing', async (_case, code, message, tar) => {
    const error = await failure(run(tar(), { ref: 'a/b:latest' }));
    expect(error.message).toMatch(message);
    expect(error.code).toBe(code);
    expect(await names()).toEqual([]);
  });

  it('refuses a manifest that is announced with two sizes under two names', async () => {
    const error = await failure(run(layoutTar(named('latest', hello), named('short', ofSize(7, hello)))));
    expect([error.code, error.message]).toEqual(['MISMATCH', expect.stringContaining('bytes instead of 7')]);
    expect(await names()).toEqual([]);
  });

  it('takes all of a manifest that is also listed as something that is none', async () => {
    const opaque = pointedTo(hello, { mediaType: 'application/octet-stream' });
    const { images } = await run(layoutTar(named('plain', opaque), named('latest', hello)), {
      baseName: 'a/b',
    });
    expect(images.map(({ name }) => name)).toEqual(['a/b:plain', 'a/b:latest']);
    await expectHeld(hello, app, base);
    expect((await run(layoutTar(named('x', index(opaque, hello))))).images[0]?.platforms).toEqual([
      { platform: 'linux/amd64', digest: hello.descriptor.digest, state: 'complete' },
    ]);
  });

  it('accepts an archive without end mark that lacks nothing, as the first exporter wrote them', async () => {
    const tar = tarOf(layoutEntries(index(named('latest', hello))), { end: false });
    expect((await run(tar)).images).toHaveLength(1);
  });

  it('gives no image and no error for an empty index', async () => {
    expect(await run(layoutTar())).toMatchObject({ images: [], blobs: { written: 0 } });
  });

  it('keeps blobs nothing refers to when asked for all, held by the record', async () => {
    const stray = layer('stray.txt', 'stray');
    const tar = tarOf([
      { name: pathOf(stray), content: stray.bytes },
      ...layoutEntries(index(named('latest', hello))),
    ]);
    await run(tar, { ref: 'a/b:latest', allBlobs: true });
    await expectHeld(stray);
    const { labels } = (await store.images.get('a/b:latest')) ?? {};
    expect(Object.values(labels ?? {})).toEqual([stray.descriptor.digest]);
  });

  it('stops with the reason of the signal and names nothing', async () => {
    const reason = new Error('enough');
    const aborted = run(layoutTar(named('latest', hello)), { signal: AbortSignal.abort(reason) });
    await expect(aborted).rejects.toBe(reason);
    expect(await names()).toEqual([]);
  });

  it('tells exact totals, and every byte that was written', async () => {
    const seen = { bytes: 0, total: 0 };
    await run(layoutTar(named('latest', hello)), {
      onProgress: (event) => {
        if (event.kind === 'bytes') seen.bytes += event.count;
        if (event.kind === 'total') seen.total = event.totalBytes ?? seen.total;
      },
    });
    const size = [...hello.blobs.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
    expect(seen.bytes).toBe(size);
  });

  it('leaves no lease behind, whether it succeeds or fails', async () => {
    await run(layoutTar(named('latest', hello)));
    await failure(run(tarOf([{ name: 'x' }])));
    for await (const lease of store.leases.list()) expect(lease).toBeUndefined();
  });
});

describe('importArchive() of names', () => {
  const run = forms['from a file'];

  it('lets a name the caller gives move, and one from the archive only when told', async () => {
    await run(layoutTar(named('docker.io/a/b:1', hello)));
    const tar = layoutTar(named('docker.io/a/b:1', other));
    expect((await failure(run(tar))).code).toBe('ALREADY_EXISTS');
    expect((await run(tar, { onConflict: 'skip' })).images).toMatchObject([
      { outcome: 'skipped', previous: hello.descriptor.digest },
    ]);
    expect((await run(tar, { onConflict: 'move' })).images).toMatchObject([{ outcome: 'moved' }]);
    expect(
      (await run(layoutTar(named('x', hello)), { ref: 'docker.io/a/b:1', refObject: 'x' })).images,
    ).toMatchObject([{ outcome: 'moved', previous: other.descriptor.digest }]);
  });

  it('names the index of the archive, without labels that expire', async () => {
    await run(layoutTar(named('docker.io/a/b:1', hello), named('docker.io/a/b:2', other)), {
      indexName: 'all:1',
    });
    expect(await names()).toEqual(['all:1', 'docker.io/a/b:1', 'docker.io/a/b:2']);
    expect((await store.images.get('all:1'))?.target.mediaType).toContain('index');
    expect((await store.images.get('docker.io/a/b:1'))?.labels).toEqual({});
  });

  it('sets labels on every record', async () => {
    await run(layoutTar(named('docker.io/a/b:1', hello)), { labels: { team: 'blue' } });
    expect((await store.images.get('docker.io/a/b:1'))?.labels).toEqual({ team: 'blue' });
  });

  it('takes content addressed by sha512', async () => {
    const digest = parseDigest(`sha512:${'0'.repeat(128)}`);
    const wrong = pointedTo(base, {});
    const entries = layoutEntries(index(named('latest', hello)));
    const tar = tarOf([...entries, { name: `blobs/sha512/${digest.slice(7)}`, content: wrong.bytes }]);
    expect((await run(tar)).images).toHaveLength(1);
    expect((await failure(run(tar, { allBlobs: true }))).code).toBe('MISMATCH');
  });
});

function parseLayers(image: Built): string[] {
  const document = parseDocument(image.bytes, image.descriptor.mediaType, 'test');
  return document.kind === 'manifest' ? document.layers.map(({ digest }) => digest.slice(7)) : [];
}

function flipped({ bytes }: Built): Uint8Array {
  const copy = Buffer.from(bytes);
  copy[0] = (copy[0] ?? 0) ^ 1;
  return copy;
}
