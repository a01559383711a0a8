import { beforeEach, describe, expect, it } from 'vitest';
import { openMemoryStore } from '../../backends/memory/index.js';
import type { Store } from '../../images/store.js';
import { digestOf } from '../../io/hash.js';
import {
  blob,
  config,
  forPlatform,
  index,
  layer,
  manifest,
  pointedTo,
  putImage,
  type Built,
} from '../../testing/build-image.js';
import { exportedBytes, filesOf, jsonIn } from '../../../test/support/read-archive.js';
import { importArchive, type ExportOptions } from '../index.js';

const amd64 = manifest(config(), layer('a', 'a'));
const arm64 = manifest(config({ architecture: 'arm64' }), layer('b', 'b'));
const s390x = manifest(config({ architecture: 's390x' }), layer('c', 'c'));
const arm = { platforms: [{ os: 'linux', architecture: 'arm64' }], reduceIndex: true } as const;
const platform = (architecture: string) => ({ os: 'linux', architecture });

/** An index with things in it that only its author knows. */
function indexWith(fields: object, ...children: readonly Built[]): Built {
  const plain = index(...children);
  const bytes = Buffer.from(
    JSON.stringify({ ...(JSON.parse(String(plain.bytes)) as object), ...fields }, null, 3),
  );
  const built = blob(bytes, plain.descriptor.mediaType);
  const blobs = new Map([...children.flatMap((child) => [...child.blobs]), ...built.blobs]);
  return { ...built, blobs };
}

interface IndexFile {
  readonly manifests: readonly { readonly digest: string }[];
}

let store: Store;
beforeEach(() => {
  store = openMemoryStore();
});

async function reduced(image: Built, options: ExportOptions, name = 'a/b:1', without: readonly Built[] = []) {
  await putImage(store.content, image, without);
  await store.images.apply([{ op: 'create', name, target: image.descriptor }]);
  const { bytes, result } = await exportedBytes(store, [name], options);
  const files = await filesOf(bytes);
  const [exported] = result.images;
  if (exported === undefined) throw new Error('nothing was exported');
  const read = (digest: string) => jsonIn(files, `blobs/${digest.replace(':', '/')}`) as IndexFile;
  const document = read(exported.target.digest);
  return { bytes, files, exported, document, read };
}

describe('an export that reduces indexes', () => {
  it('lists only what it holds, and keeps all the index says besides', async () => {
    const attested = pointedTo(
      manifest(config({ os: 'unknown', architecture: 'unknown' }), layer('p', 'p')),
      {
        platform: { os: 'unknown', architecture: 'unknown' },
        annotations: { 'vnd.docker.reference.digest': arm64.descriptor.digest },
      },
    );
    const fields = { annotations: { 'org.example.z': '1', a: '2' }, 'x-unknown': [1, { b: 2 }] };
    const image = indexWith(
      fields,
      forPlatform('linux/amd64', amd64),
      forPlatform('linux/arm64', arm64),
      attested,
    );
    const { exported, document, bytes, files } = await reduced(image, arm);
    expect(exported.reducedFrom).toBe(image.descriptor.digest);
    expect(document).toMatchObject(fields);
    expect(Object.keys(document)).toEqual(Object.keys(JSON.parse(String(image.bytes)) as object));
    expect(document.manifests.map(({ digest }) => digest)).toEqual([
      arm64.descriptor.digest,
      attested.descriptor.digest,
    ]);
    expect([...files.keys()].join()).not.toContain(image.descriptor.digest.slice(7));
    const second = openMemoryStore();
    const { images } = await importArchive(second, bytes, { allPlatforms: true });
    expect(images[0]).toMatchObject({ name: 'a/b:1', target: { digest: exported.target.digest } });
  });

  it('rewrites nested indexes, and drops those of which nothing is left', async () => {
    const inner = index(forPlatform('linux/arm64', arm64), forPlatform('linux/s390x', s390x));
    const inline = pointedTo(inner, {
      annotations: { which: 'inner' },
      data: Buffer.from(inner.bytes).toString('base64'),
    });
    const gone = index(forPlatform('linux/amd64', amd64));
    const { document, read } = await reduced(index(inline, gone), arm);
    expect(document.manifests).toHaveLength(1);
    const [entry] = document.manifests;
    expect(entry).toMatchObject({ annotations: { which: 'inner' } });
    expect(entry).not.toHaveProperty('data');
    const nested = read(entry?.digest ?? '');
    expect(nested.manifests).toEqual([{ ...arm64.descriptor, platform: platform('arm64') }]);
  });

  it('leaves an index alone that lists nothing else', async () => {
    const image = index(forPlatform('linux/amd64', amd64), forPlatform('linux/arm64', arm64));
    const { exported } = await reduced(image, { reduceIndex: true });
    expect(exported.target.digest).toBe(image.descriptor.digest);
    expect(exported.reducedFrom).toBeUndefined();
  });

  it('makes a whole image of a sparse one', async () => {
    const image = index(forPlatform('linux/amd64', amd64), forPlatform('linux/arm64', arm64));
    const { exported, document } = await reduced(image, { reduceIndex: true }, 'a/b:1', [amd64]);
    expect(document.manifests.map(({ digest }) => digest)).toEqual([arm64.descriptor.digest]);
    expect(exported.target).toMatchObject({ digest: digestOf(Buffer.from(JSON.stringify(document))) });
  });

  it('refuses a name that says the digest', async () => {
    const image = index(forPlatform('linux/amd64', amd64), forPlatform('linux/arm64', arm64));
    const name = `a/b@${image.descriptor.digest}`;
    await expect(reduced(image, arm, name)).rejects.toMatchObject({
      code: 'INVALID',
      message: expect.stringContaining('its name says its digest') as string,
    });
  });
});
