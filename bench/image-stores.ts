import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ImageChange } from '../src/images/store.js';
import type * as library from '../src/index.js';
import type * as testing from '../src/testing/index.js';
import { cached } from './inputs.js';

/** A store of many images without layers: their names, manifests and configs. */
export interface ManyImages {
  readonly images: number;
  /** Different manifests among them; beyond that, names share them as tags do. */
  readonly manifests: number;
  /** Of each image. */
  readonly labels: number;
}

/** Names of one step; a transaction of all would have to be held in memory. */
const STEP = 1000;

/** The folder of a store that is made once, by the library that is built. */
export async function storeOfMany(
  name: string,
  { images, manifests, labels }: ManyImages,
  repository: string,
): Promise<string> {
  const built = (door: string) => import(pathToFileURL(join(repository, 'dist', door)).href);
  const { openStore } = (await built('index.js')) as typeof library;
  const { config, manifest } = (await built('testing/index.js')) as typeof testing;
  // A store never gets older, so one that another version has made is of no use.
  const schema = await readFile(join(repository, 'dist/backends/dir/database/schema.js'), 'utf8');
  const recipe = JSON.stringify({ images, manifests, labels, schema });
  const folder = await cached(name, recipe, async (work) => {
    const store = await openStore({ root: join(work, 'root') });
    try {
      const configs = Array.from({ length: Math.min(images, manifests) }, (_, number) =>
        config({ author: `image ${number}` }),
      );
      const built = configs.map((each) => manifest(each));
      for (const { descriptor, bytes } of [...configs, ...built]) {
        await store.content.put(descriptor, () => bytes);
      }
      const labelsOf = (image: number) =>
        Object.fromEntries(
          Array.from({ length: labels }, (_, label) => [`bench.example/label-${label}`, `${image} ${label}`]),
        );
      const changes = Array.from({ length: images }, (_, number): ImageChange => {
        const target = built[number % built.length]?.descriptor;
        if (target === undefined) throw new TypeError('there is a manifest for every image');
        return {
          op: 'create',
          name: `bench.example/team-${number % 100}/image-${number}:latest`,
          target,
          labels: labelsOf(number),
        };
      });
      for (let start = 0; start < changes.length; start += STEP) {
        await store.images.apply(changes.slice(start, start + STEP));
      }
    } finally {
      await store.close();
    }
  });
  return join(folder, 'root');
}
