import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../backends/dir/index.js';
import { openMemoryStore } from '../backends/memory/index.js';
import { referrerLabels } from '../content/referrers.js';
import type { Store } from '../images/store.js';
import { OCI_EMPTY } from '../oci/media-type.js';
import {
  blob,
  config,
  forPlatform,
  index,
  layer,
  manifest,
  putImage,
  type Built,
} from '../testing/build-image.js';
import { exportedBytes } from '../../test/support/read-archive.js';
import { updateUnderLock } from './export/index-lock.js';
import { exportLayout, importArchive } from './index.js';

const amd64 = manifest(config(), layer('a', 'a'));
const arm64 = manifest(config({ architecture: 'arm64' }), layer('b', 'b'));
const both = index(forPlatform('linux/amd64', amd64), forPlatform('linux/arm64', arm64));
const note = manifest(blob('{}', OCI_EMPTY), blob('a note', 'text/plain'), {
  subject: both.descriptor,
  artifactType: 'application/x-note',
});
const signature = manifest(blob('{}', OCI_EMPTY), blob('a signature', 'text/plain'));

let folder: string;
let layout: string;
let store: Store;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-layout-'));
  layout = join(folder, 'layout');
  store = openMemoryStore();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function keep(name: string, image: Built): Promise<void> {
  await putImage(store.content, image);
  await store.images.apply([{ op: 'create', name, target: image.descriptor }]);
}

async function attach(): Promise<void> {
  for (const referrer of [note, signature]) await putImage(store.content, referrer);
  const { digest } = both.descriptor;
  await store.content.setLabels(digest, referrerLabels(note.descriptor.digest));
  await store.content.setLabels(digest, referrerLabels(signature.descriptor.digest, '.sig'));
}

interface Entry {
  readonly digest: string;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}
const entries = async () =>
  (JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as { manifests: Entry[] }).manifests;
const blobNames = async () => (await readdir(join(layout, 'blobs', 'sha256'))).sort();
const hexesOf = (...images: readonly Built[]) =>
  [...new Set(images.flatMap(({ blobs }) => [...blobs.keys()]))].map((digest) => digest.slice(7)).sort();

describe('exportLayout()', () => {
  it('makes a directory that is an OCI layout and nothing more', async () => {
    await keep('a/b:1', both);
    const result = await exportLayout(store, ['a/b:1'], pathToFileURL(`${layout}/`));
    expect((await readdir(layout)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(await blobNames()).toEqual(hexesOf(both));
    expect(await readFile(join(layout, 'oci-layout'), 'utf8')).toBe('{"imageLayoutVersion":"1.0.0"}');
    for (const hex of hexesOf(both)) {
      const path = join(layout, 'blobs', 'sha256', hex);
      expect((await stat(path)).mode & 0o777).toBe(0o444);
      expect((await readFile(path)).equals(both.blobs.get(`sha256:${hex}` as never) as Uint8Array)).toBe(
        true,
      );
    }
    expect(result).toMatchObject({ blobs: both.blobs.size, existed: 0 });
    expect(await entries()).toMatchObject([{ digest: both.descriptor.digest }]);
  });

  it('adds to a layout: names stay or move, blobs that are there are kept', async () => {
    await keep('a/b:1', amd64);
    await exportLayout(store, ['a/b:1'], layout);
    const kept = await stat(join(layout, 'blobs', 'sha256', amd64.descriptor.digest.slice(7)));
    await keep('a/b:2', both);
    const second = await exportLayout(store, ['a/b:2'], layout);
    expect(second).toMatchObject({ blobs: both.blobs.size, existed: amd64.blobs.size });
    expect((await stat(join(layout, 'blobs', 'sha256', amd64.descriptor.digest.slice(7)))).ino).toBe(
      kept.ino,
    );
    await store.images.apply([{ op: 'update', name: 'a/b:1', target: arm64.descriptor }]);
    const third = await exportLayout(store, ['a/b:1'], layout);
    expect(third.images[0]?.previous).toBe(amd64.descriptor.digest);
    expect((await entries()).map(({ digest }) => digest)).toEqual([
      arm64.descriptor.digest,
      both.descriptor.digest,
    ]);
  });

  it('writes a blob again that is there with another size', async () => {
    await keep('a/b:1', amd64);
    await exportLayout(store, ['a/b:1'], layout);
    const path = join(layout, 'blobs', 'sha256', amd64.descriptor.digest.slice(7));
    await chmod(path, 0o644);
    await writeFile(path, 'cut');
    expect((await exportLayout(store, ['a/b:1'], layout)).existed).toBe(amd64.blobs.size - 1);
    expect((await readFile(path)).equals(amd64.bytes)).toBe(true);
  });

  it('loses no entry when many export to one directory at the same time', async () => {
    const images = Array.from({ length: 12 }, (_, at) =>
      manifest(config({ author: `${at}` }), layer('a', 'a')),
    );
    for (const [at, image] of images.entries()) await keep(`a/b:${at}`, image);
    await Promise.all(images.map((_, at) => exportLayout(store, [`a/b:${at}`], layout)));
    expect(new Set((await entries()).map(({ digest }) => digest))).toEqual(
      new Set(images.map(({ descriptor }) => descriptor.digest)),
    );
    expect((await readdir(layout)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('leaves a layout as it was when it fails, and goes on from there the next time', async () => {
    const root = join(folder, 'root');
    store = await openStore({ root });
    await keep('a/b:1', amd64);
    await exportLayout(store, ['a/b:1'], layout);
    const before = await readFile(join(layout, 'index.json'));
    const large = layer('large', randomBytes(100_000));
    await keep('a/b:2', manifest(config(), large));
    const file = join(root, 'blobs', 'sha256', large.descriptor.digest.slice(7));
    await chmod(file, 0o644);
    await writeFile(file, randomBytes(large.bytes.byteLength));
    await expect(exportLayout(store, ['a/b:2'], layout)).rejects.toMatchObject({ code: 'CORRUPT' });
    expect((await readFile(join(layout, 'index.json'))).equals(before)).toBe(true);
    expect((await readdir(layout)).sort()).toEqual(['blobs', 'index.json', 'oci-layout']);
    expect(await blobNames()).not.toContain(large.descriptor.digest.slice(7));
    await writeFile(file, large.bytes);
    expect((await exportLayout(store, ['a/b:2'], layout)).existed).toBeGreaterThan(0);
    await store.close();
  });

  it('is no layout yet when the first export to it fails, and takes the next', async () => {
    await keep('a/b:1', amd64);
    const controller = new AbortController();
    const reason = new Error('stop');
    const onProgress = ({ kind }: { kind: string }) => {
      if (kind === 'bytes') controller.abort(reason);
    };
    await expect(
      exportLayout(store, ['a/b:1'], layout, { signal: controller.signal, onProgress }),
    ).rejects.toBe(reason);
    expect((await readdir(layout)).sort()).toEqual(['blobs', 'oci-layout']);
    await exportLayout(store, ['a/b:1'], layout);
    expect(await entries()).toHaveLength(1);
  });

  it('refuses a directory with other things in it, a file, a store, and an index it cannot read', async () => {
    await keep('a/b:1', amd64);
    const other = join(folder, 'other');
    await mkdir(other);
    await writeFile(join(other, 'notes.txt'), 'x');
    await writeFile(join(folder, 'file'), 'x');
    await (await openStore({ root: join(folder, 'root') })).close();
    await exportLayout(store, ['a/b:1'], layout);
    await writeFile(join(layout, 'index.json'), '{"manifests":3}');
    for (const [path, code, text] of [
      [other, 'INVALID', 'it holds other things'],
      [join(folder, 'file'), 'INVALID', 'not a directory'],
      [join(folder, 'root'), 'INVALID', 'the root of a store'],
      [join(folder, 'no', 'where'), 'NOT_FOUND', 'no such file'],
      [layout, 'INVALID', 'index.json'],
    ] as const) {
      await expect(exportLayout(store, ['a/b:1'], path)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(text) as string,
      });
    }
    expect(await readdir(other)).toEqual(['notes.txt']);
  });
});

describe('what refers to an exported image', () => {
  it('goes into a directory with it, under its tag where it has one', async () => {
    await keep('a/b:1', both);
    await attach();
    const { images } = await exportLayout(store, ['a/b:1'], layout, { referrers: undefined });
    const [, ...rest] = await entries();
    const tag = `sha256-${both.descriptor.digest.slice(7)}.sig`;
    expect(
      new Set(rest.map(({ digest, artifactType, annotations }) => [digest, artifactType, annotations])),
    ).toEqual(
      new Set([
        [note.descriptor.digest, 'application/x-note', undefined],
        [signature.descriptor.digest, OCI_EMPTY, { 'org.opencontainers.image.ref.name': tag }],
      ]),
    );
    expect(new Set(images[0]?.referrers)).toEqual(
      new Set([note.descriptor.digest, signature.descriptor.digest]),
    );
    expect(await blobNames()).toEqual(hexesOf(both, note, signature));
  });

  it('is listed once where images share what it refers to', async () => {
    await keep('a/b:1', both);
    await keep('a/c:1', index(forPlatform('linux/arm64', arm64)));
    const about = manifest(blob('{}', OCI_EMPTY), { subject: arm64.descriptor });
    await putImage(store.content, about);
    await store.content.setLabels(arm64.descriptor.digest, referrerLabels(about.descriptor.digest));
    await exportLayout(store, ['a/b:1', 'a/c:1'], layout);
    expect((await entries()).filter(({ digest }) => digest === about.descriptor.digest)).toHaveLength(1);
  });

  it('stays out of a directory, or goes into a tar, only when told so', async () => {
    await keep('a/b:1', both);
    await attach();
    await exportLayout(store, ['a/b:1'], layout, { referrers: false });
    expect(await blobNames()).toEqual(hexesOf(both));
    const without = await exportedBytes(store, ['a/b:1']);
    const withThem = await exportedBytes(store, ['a/b:1'], { referrers: true });
    expect(withThem.result.blobs - without.result.blobs).toBe(hexesOf(note, signature).length);
  });

  it('is left out with a warning where it is damaged', async () => {
    await keep('a/b:1', both);
    await attach();
    await store.content.delete(blob('a note').descriptor.digest);
    const warnings: string[] = [];
    const { images } = await exportLayout(store, ['a/b:1'], layout, {
      onProgress: (event) => void (event.kind === 'warning' && warnings.push(event.message)),
    });
    expect(images[0]?.referrers).toEqual([signature.descriptor.digest]);
    expect(warnings).toEqual([expect.stringContaining(note.descriptor.digest)]);
  });

  it('comes back with an import', async () => {
    await keep('a/b:1', both);
    await attach();
    const { bytes } = await exportedBytes(store, ['a/b:1'], { referrers: true });
    await exportLayout(store, ['a/b:1'], join(folder, 'first'));
    const second = openMemoryStore();
    await importArchive(second, bytes);
    const third = openMemoryStore();
    await importArchive(third, join(folder, 'first'));
    const { images } = await exportLayout(third, ['a/b:1'], layout);
    expect(new Set(images[0]?.referrers)).toEqual(
      new Set([note.descriptor.digest, signature.descriptor.digest]),
    );
    const again = await exportedBytes(second, ['a/b:1'], { referrers: true });
    expect(again.bytes.equals(bytes)).toBe(true);
  });
});

describe('updateUnderLock()', () => {
  it('gives up when the lock stays, and says which file it is', async () => {
    const path = join(folder, 'index.json');
    await writeFile(`${path}.lock`, '');
    await expect(updateUnderLock(path, () => new Uint8Array(), {}, { patience: 50 })).rejects.toMatchObject({
      code: 'BUSY',
      detail: { path: `${path}.lock` },
    });
    expect(await readdir(folder)).toEqual(['index.json.lock']);
  });

  it('loses nothing of many who update at once, though they break the locks of the living', async () => {
    const path = join(folder, 'index.json');
    let broken = 0;
    const append = async (number: number) => {
      let calls = 0;
      const update = (existing: Uint8Array | undefined) => {
        broken += Number(calls++ > 0);
        return Buffer.concat([existing ?? new Uint8Array(), Buffer.from(`${number}\n`)]);
      };
      await updateUnderLock(path, update, {}, { patience: Infinity, stale: 0 });
    };
    let working = true;
    const breaking = async () => {
      while (working && broken < 20) {
        const held = await readdir(`${path}.lock`).catch(() => []);
        for (const name of held) await rm(join(`${path}.lock`, name), { force: true });
      }
    };
    const updates = Promise.all(Array.from({ length: 40 }, (_, number) => append(number)));
    await Promise.all([updates.finally(() => (working = false)), breaking()]);
    const numbers = (await readFile(path, 'utf8')).trim().split('\n').map(Number);
    expect(numbers.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, number) => number));
    expect(await readdir(folder)).toEqual(['index.json']);
    expect(broken).toBeGreaterThan(0);
  });

  it('begins again when its lock was broken, with what is there then', async () => {
    const path = join(folder, 'index.json');
    const seen: (string | undefined)[] = [];
    await updateUnderLock(path, (existing) => {
      seen.push(existing && Buffer.from(existing).toString());
      if (seen.length === 1) {
        rmSync(`${path}.lock`, { recursive: true });
        writeFileSync(path, 'of another');
      }
      return Buffer.from('mine');
    });
    expect(seen).toEqual([undefined, 'of another']);
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  it('leaves no lock when the update is refused', async () => {
    const path = join(folder, 'index.json');
    const refuse = () => {
      throw new Error('no');
    };
    await expect(updateUnderLock(path, refuse)).rejects.toThrow('no');
    expect(await readdir(folder)).toEqual([]);
  });
});
