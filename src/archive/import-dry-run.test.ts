import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
import type { Store } from '../images/store.js';
import { MANIFEST_LIMIT } from '../oci/json.js';
import { OCI_MANIFEST } from '../oci/media-type.js';
import { parsePlatform } from '../oci/platform-specifier.js';
import { inPieces, listOf, rejectsWith } from '../testing/content.js';
import { blob, config, forPlatform, index, layer, manifest, type Built } from '../testing/build-image.js';
import { DOCUMENTS_LIMIT, DocumentsOnly } from './import-documents.js';
import { importArchive, planArchiveImport, type ImportOptions } from './index.js';

const base = layer('base.txt', 'base');
const hello = manifest(config(), base, layer('hello.txt', 'hello'));
const otherLayer = layer('other.txt', 'other');
const other = manifest(config({ architecture: 'arm64' }), base, otherLayer);
const third = manifest(config({ author: 'me' }), layer('third.txt', 'third'));
const both = index(forPlatform('linux/amd64', hello), forPlatform('linux/arm64', other));
const digest = ({ descriptor }: Built) => descriptor.digest;

let folder: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-plan-'));
  store = openMemoryStore();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The tar, as each of the forms an archive comes in; a stream is made anew every time. */
const forms = {
  'a file': async (tar: Uint8Array) => {
    const path = join(folder, 'x.tar');
    await writeFile(path, tar);
    return () => path;
  },
  'a stream': (tar: Uint8Array) => Promise.resolve(() => inPieces(tar, 700)),
};

const without = (image: Built, ...left: readonly Built[]): Uint8Array =>
  tarOf(layoutEntries(index(image)).filter(({ name }) => !left.some((built) => name === pathOf(built))));

/** One entry of a layout with other bytes of the same length. */
const flipped = (entries: Entry[], built: Built): Entry[] =>
  entries.map((entry) =>
    entry.name === pathOf(built) ? { ...entry, content: Buffer.from(built.bytes).fill(1, 0, 9) } : entry,
  );

async function contentsOfStore() {
  const images = await listOf(store.images.list());
  const blobs = await listOf(store.content.list());
  const leases = await listOf(store.leases.list());
  return { images, blobs, leases };
}

describe.each(Object.entries(forms))('planArchiveImport() of %s', (_, opened) => {
  it('says which platforms are there and what the others lack, and writes nothing', async () => {
    const before = await contentsOfStore();
    const source = await opened(without(named('a/b:1', both), other));
    const report = await planArchiveImport(store, source());
    expect(report.images).toMatchObject([
      {
        name: 'a/b:1',
        target: { digest: digest(both) },
        outcome: 'created',
        platforms: [
          { platform: 'linux/amd64', digest: digest(hello), state: 'complete', missing: [] },
          { platform: 'linux/arm64', digest: digest(other), state: 'absent', missing: [digest(other)] },
        ],
      },
    ]);
    expect(report.leftOut.blobs).toBe(2);
    expect(await contentsOfStore()).toEqual(before);
  });

  it.each<[string, ImportOptions]>([
    ['everything', {}],
    ['one platform', { platforms: [parsePlatform('linux/arm64')], baseName: 'base/one' }],
    ['every blob', { allBlobs: true }],
    ['one image', { ref: 'x/y:z', refObject: 'base/one:1' }],
  ])('announces what an import of %s then does', async (_what, options) => {
    await store.content.put(base.descriptor, () => base.bytes);
    const stray = layer('stray', 'stray');
    const source = await opened(
      tarOf([
        ...layoutEntries(index(named('base/one:1', both), named('base/two:2', third))),
        { name: pathOf(stray), content: stray.bytes },
      ]),
    );
    const report = await planArchiveImport(store, source(), options);
    const result = await importArchive(store, source(), options);
    expect(report.images.map(({ name, outcome }) => [name, outcome])).toEqual(
      result.images.map(({ name, outcome }) => [name, outcome]),
    );
    expect(report.write).toEqual({ blobs: result.blobs.written, bytes: result.bytes.written });
    expect(report.held).toEqual({ blobs: result.blobs.existed, bytes: result.bytes.existed });
    const again = await planArchiveImport(store, source(), options);
    expect(again.write).toEqual({ blobs: 0, bytes: 0 });
    expect(again.images.every(({ outcome }) => outcome === 'unchanged')).toBe(true);
  });

  it.each([
    ['error', 'conflict', /the name is taken by/],
    ['move', 'moved', undefined],
    ['skip', 'skipped', undefined],
  ] as const)('says what becomes of a name that is taken, with %s', async (onConflict, outcome, problem) => {
    await importArchive(store, inPieces(layoutTar(named('a/b:1', hello)), 512));
    const source = await opened(layoutTar(named('a/b:1', third)));
    const [image] = (await planArchiveImport(store, source(), { onConflict })).images;
    expect(image).toMatchObject({ outcome });
    expect(image?.previous).toBe(digest(hello));
    if (problem === undefined) expect(image?.error).toBeUndefined();
    else expect(image?.error?.message).toMatch(problem);
  });

  it('goes on after an image that would be refused, and says why', async () => {
    const source = await opened(
      tarOf(
        layoutEntries(
          index(named('a:1', other), named('b:1', third), named('c:1', blob('nonsense', OCI_MANIFEST))),
        ).filter(({ name }) => name !== pathOf(otherLayer)),
      ),
    );
    const { images } = await planArchiveImport(store, source());
    expect(images.map(({ outcome, error }) => [outcome, error?.code])).toEqual([
      ['refused', 'INVALID'],
      ['created', undefined],
      ['refused', 'INVALID'],
    ]);
    expect(images[0]?.platforms).toMatchObject([{ state: 'damaged', missing: [digest(otherLayer)] }]);
  });

  it('names flag, platform, digest and image where a required platform is not there', async () => {
    const source = await opened(without(named('a/b:1', both), other));
    for (const [options, flag] of [
      [{ allPlatforms: true }, '--all-platforms'],
      [{ require: 'all' }, '--require all'],
      [{ require: [parsePlatform('linux/arm64')] }, '--require linux/arm64'],
      [{ platforms: [parsePlatform('linux/arm64')] }, '--platform linux/arm64'],
    ] as const) {
      const error = await rejectsWith('NOT_FOUND', importArchive(store, source(), options));
      for (const part of [flag, 'linux/arm64', digest(other), '"a/b:1"'])
        expect(error.message).toContain(part);
      const report = await planArchiveImport(store, source(), options);
      expect(report.images[0]?.error?.message).toBe(error.message);
    }
    const present = { allPlatforms: true, require: 'present' } as const;
    const { images } = await importArchive(store, source(), present);
    expect(images).toMatchObject([{ target: { digest: digest(both) } }]);
  });

  it('lets the first, the last or nobody have a name that two images of the archive have', async () => {
    const source = await opened(layoutTar(named('a/b:1', hello), named('a/b:1', third)));
    await rejectsWith('INVALID', importArchive(store, source()));
    const refused = (await planArchiveImport(store, source())).images;
    expect(refused.map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
    expect(refused[0]?.error).toBe(refused[1]?.error);
    for (const [onConflict, winner, outcomes] of [
      ['skip', hello, ['created', 'skipped']],
      ['move', third, ['skipped', 'moved']],
    ] as const) {
      const { images } = await importArchive(store, source(), { onConflict });
      expect(images.map(({ outcome }) => outcome)).toEqual(outcomes);
      expect((await store.images.get('a/b:1'))?.target.digest).toBe(digest(winner));
    }
    const chosen = await importArchive(store, source(), { ref: 'mine:1', refObject: digest(hello) });
    expect(chosen.images).toMatchObject([{ name: 'mine:1', outcome: 'created' }]);
    await rejectsWith(
      'INVALID',
      importArchive(store, source(), { onConflict: 'move', onDuplicate: 'error' }),
    );
  });
});

describe.each(Object.entries(forms))('importArchive() of %s that keeps going', (_, opened) => {
  const sound = named('sound:1', hello);

  it('imports the sound images and says why it refuses the others', async () => {
    const entries = layoutEntries(
      index(named('lacking:1', other), sound, named('unreadable:1', blob('nonsense', OCI_MANIFEST))),
    ).filter(({ name }) => name !== pathOf(otherLayer));
    const result = await importArchive(store, (await opened(tarOf(entries)))(), { keepGoing: true });
    expect(result.images.map(({ name }) => name)).toEqual(['sound:1']);
    expect(result.refused.map(({ name, error }) => [name, error.code])).toEqual([
      ['lacking:1', 'INVALID'],
      ['unreadable:1', 'INVALID'],
    ]);
    expect((await listOf(store.images.list())).map(({ name }) => name)).toEqual(['sound:1']);
  });

  it('refuses an image whose content is not what its digest says', async () => {
    const entries = flipped(layoutEntries(index(named('broken:1', other), sound)), otherLayer);
    const source = await opened(tarOf(entries));
    await rejectsWith('MISMATCH', importArchive(store, source()));
    expect(await listOf(store.images.list())).toEqual([]);
    const result = await importArchive(store, source(), { keepGoing: true });
    expect(result.images.map(({ name }) => name)).toEqual(['sound:1']);
    expect(result.refused).toMatchObject([{ name: 'broken:1', error: { code: 'MISMATCH' } }]);
    expect(result.refused[0]?.error.message).toContain(digest(otherLayer).slice('sha256:'.length));
  });

  it('tells of one total, whatever is refused', async () => {
    const entries = flipped(layoutEntries(index(named('broken:1', other), sound)), otherLayer);
    const totals: (number | undefined)[] = [];
    await importArchive(store, (await opened(tarOf(entries)))(), {
      keepGoing: true,
      onProgress: (event) => {
        if (event.kind === 'total') totals.push(event.totalBytes);
      },
    });
    expect(totals).toHaveLength(1);
  });

  it('still ends where the archive as a whole is wrong', async () => {
    const cut = layoutTar(sound).subarray(0, -1500);
    await rejectsWith('INVALID', importArchive(store, (await opened(cut))(), { keepGoing: true }));
  });
});

describe('planArchiveImport() from a pipe', () => {
  it('finds content that is not what its digest says, since it has to read it', async () => {
    const tar = tarOf(flipped(layoutEntries(index(named('broken:1', other))), otherLayer));
    const { images } = await planArchiveImport(store, inPieces(tar, 700));
    expect(images).toMatchObject([{ outcome: 'refused', error: { code: 'MISMATCH' } }]);
  });

  it('keeps documents and nothing else, and not more of them than there can be', async () => {
    const documents = new DocumentsOnly('"x.tar"');
    const large = layer('large.txt', 'large'.repeat(1000));
    await documents.put(large.descriptor, () => large.bytes);
    await documents.put(hello.descriptor, () => hello.bytes);
    expect(Buffer.concat(await listOf(documents.read(hello.descriptor)))).toEqual(hello.bytes);
    await rejectsWith('UNSUPPORTED', listOf(documents.read(large.descriptor)));
    await rejectsWith(
      'MISMATCH',
      documents.put(third.descriptor, () => hello.bytes),
    );

    const put = async () => {
      for (let at = 0; at <= DOCUMENTS_LIMIT / MANIFEST_LIMIT; at++) {
        await documents.put(undefined, () => Buffer.alloc(MANIFEST_LIMIT, `  {${at}`));
      }
    };
    await rejectsWith('LIMIT_EXCEEDED', put());
  });
});
