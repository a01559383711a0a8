/** Archives that overlap: what several processes take in at once is partly the same. */
import { createCipheriv } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { importArchive } from '../../src/archive/import.js';
import { openMemoryStore } from '../../src/backends/memory/index.js';
import {
  config,
  forPlatform,
  index,
  layer,
  manifest,
  pointedTo,
  type Built,
} from '../../src/testing/build-image.js';
import type { Random } from '../fuzz/random.js';
import { layoutEntries, tarOf, type Entry } from '../support/build-archive.js';
import { dockerEntries, layerTar } from '../support/build-docker-archive.js';

/** An archive on the disk. */
export interface Archive {
  readonly path: string;
  /** One image, which is given a name; or several, which have their own. */
  readonly form: 'image' | 'docker' | 'folder' | 'several' | 'large';
  /** What an import names: the one image has the name undefined. */
  readonly images: readonly { readonly name: string | undefined; readonly digest: string }[];
}

const PLAIN_LAYER = 'application/vnd.oci.image.layer.v1.tar';
const REF = 'org.opencontainers.image.ref.name';
const NAME = 'io.containerd.image.name';

/** Names that the archives of form `several` give: the same ones for different images. */
export const GIVEN_NAMES: readonly string[] = ['a', 'b', 'c'].map(
  (name) => `example.org/given/${name}:latest`,
);

/** Writes archives of every form into a folder, which share layers. */
export async function writeArchives(folder: string, random: Random): Promise<readonly Archive[]> {
  const layers = [300, 2_000, 20_000, 70_000, 140_000, 300_000, 9_000, 1_200_000].map((size, number) =>
    layer(`file-${number}`, noise(random, size), PLAIN_LAYER),
  );
  const large = [0, 1].map((number) => layer(`large-${number}`, noise(random, 9_000_000), PLAIN_LAYER));
  const image = (architecture: string, ...parts: readonly Built[]) =>
    manifest(
      config({
        architecture,
        rootfs: { type: 'layers', diff_ids: parts.map(({ descriptor }) => descriptor.digest) },
      }),
      ...parts,
    );
  const some = (count: number) => {
    const left = [...layers];
    return Array.from({ length: count }, () => left.splice(random.int(left.length), 1)[0]!);
  };
  const tagged = (built: Built) => pointedTo(built, { annotations: { [REF]: 'latest' } });
  const named = (name: string, built: Built) =>
    pointedTo(built, { annotations: { [NAME]: name, [REF]: name.slice(name.lastIndexOf(':') + 1) } });
  const platforms = (count: number) =>
    index(
      ...['amd64', 'arm64', 's390x']
        .slice(0, count)
        .map((architecture) => forPlatform(`linux/${architecture}`, image(architecture, ...some(3)))),
    );
  const docker = (number: number): Entry[] =>
    dockerEntries(
      [1, 2, 3].map((part) => ({
        path: `${part}/layer.tar`,
        content: layerTar(`docker-${part === 1 ? 0 : number}-${part}`, 'docker'.repeat(part * 5_000)),
      })),
      ['example.org/docker:latest'],
    );

  const forms: readonly (readonly [file: string, form: Archive['form'], entries: readonly Entry[]])[] = [
    ...[0, 1, 2, 3].map(
      (number) =>
        [`image-${number}.tar`, 'image', layoutEntries(index(tagged(image('amd64', ...some(4)))))] as const,
    ),
    ...[2, 3].map(
      (count) => [`platforms-${count}.tar`, 'image', layoutEntries(index(tagged(platforms(count))))] as const,
    ),
    ...[0, 1].map(
      (number) =>
        [`folder-${number}`, 'folder', layoutEntries(index(tagged(image('amd64', ...some(3)))))] as const,
    ),
    ...[0, 1].map((number) => [`docker-${number}.tar`, 'docker', docker(number)] as const),
    ...[0, 1].map(
      (number) =>
        [
          `several-${number}.tar`,
          'several',
          layoutEntries(index(...GIVEN_NAMES.map((name) => named(name, image('amd64', ...some(3)))))),
        ] as const,
    ),
    ['large.tar', 'large', layoutEntries(index(tagged(image('amd64', ...some(2), ...large))))],
  ];
  return Promise.all(
    forms.map(async ([file, form, entries]) => {
      const path = join(folder, file);
      if (form === 'folder') await writeFolder(path, entries);
      else await writeFile(path, tarOf(entries));
      return { path, form, images: await imagesOf(path, form) };
    }),
  );
}

/** Bytes that do not compress, many of them at once. */
function noise(random: Random, length: number): Uint8Array {
  return createCipheriv('aes-128-ctr', random.bytes(16), random.bytes(16)).update(Buffer.alloc(length));
}

async function writeFolder(folder: string, entries: readonly Entry[]): Promise<void> {
  for (const { name, content = '' } of entries) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

/** What an import comes to, as a store in memory has it. */
async function imagesOf(path: string, form: Archive['form']): Promise<Archive['images']> {
  const store = openMemoryStore();
  const given = form !== 'several';
  const { images } = await importArchive(store, path, given ? { ref: 'a:latest' } : {});
  return images.map(({ name, target }) => ({ name: given ? undefined : name, digest: target.digest }));
}
