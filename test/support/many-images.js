// Fills a store with many small images, for tests and measurements of what lists cost:
//
//     node test/support/many-images.js ROOT [IMAGES] [LABELS]
//
// Every image has a configuration and a layer of its own and two layers it shares with others. Every second one is an
// index of two platforms, of which the second is not there, as an import or pull of one platform leaves it. Every name
// has LABELS labels. The same arguments give the same images.
import { fileURLToPath } from 'node:url';
import { openStore } from 'stowage';
import { blob, config, forPlatform, index, layer, manifest } from 'stowage/testing';

/** Images whose blobs are put at the same time, so that they share their commits. */
const BATCH = 32;

/** Images that share two layers. */
const FAMILY = 25;

/** Names that are given in one step: each step writes the index of the store anew. */
const STEP = 1000;

/** Puts `count` images into a store, named `example.org/many/<n>:latest`. */
export async function putManyImages(store, count, labels = 0) {
  const changes = [];
  for (let first = 0; first < count; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, count - first) }, (_, place) => first + place);
    changes.push(...(await Promise.all(numbers.map((number) => putImage(store, number, labels)))));
  }
  while (changes.length > 0) await store.images.apply(changes.splice(0, STEP));
}

async function putImage(store, number, labels) {
  const { image, blobs } = imageOf(number);
  for (const { built, labels } of blobs) {
    await store.content.put(built.descriptor, () => built.bytes, { labels });
  }
  return {
    op: 'create',
    name: `example.org/many/${number}:latest`,
    target: image.descriptor,
    labels: Object.fromEntries(
      Array.from({ length: labels }, (_, place) => [
        `org.example.label-${place}`,
        `value ${place} of ${number}`,
      ]),
    ),
  };
}

/** An image, and its blobs that are to be there with the labels that keep what they refer to; children first. */
function imageOf(number) {
  const family = Math.floor(number / FAMILY);
  const layers = [
    layer('base', `base of family ${family % 8}\n`.repeat(20)),
    layer('tools', `tools of family ${family}\n`.repeat(20)),
    layer('app', `application ${number}\n`.repeat(20)),
  ];
  const configuration = config({
    author: `image ${number}`,
    history: layers.map(() => ({ comment: 'made' })),
  });
  const here = manifest(configuration, ...layers);
  const blobs = [
    ...layers.map((built) => ({ built, labels: {} })),
    { built: configuration, labels: {} },
    { built: here, labels: references({ config: configuration, l: layers }) },
  ];
  if (number % 2 === 0) return { image: here, blobs };
  const elsewhere = blob(JSON.stringify({ absent: number }), here.descriptor.mediaType);
  const image = index(forPlatform('linux/amd64', here), forPlatform('linux/arm64', elsewhere));
  return { image, blobs: [...blobs, { built: image, labels: references({ m: [here, elsewhere] }) }] };
}

function references({ config: configuration, l = [], m = [] }) {
  const prefix = 'containerd.io/gc.ref.content.';
  return Object.fromEntries([
    ...(configuration ? [[`${prefix}config`, configuration.descriptor.digest]] : []),
    ...l.map(({ descriptor }, place) => [`${prefix}l.${place}`, descriptor.digest]),
    ...m.map(({ descriptor }, place) => [`${prefix}m.${place}`, descriptor.digest]),
  ]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [root, count = '1000', labels = '0'] = process.argv.slice(2);
  if (root === undefined) {
    console.error('usage: node test/support/many-images.js ROOT [IMAGES] [LABELS]');
    process.exit(2);
  }
  const store = await openStore({ root });
  try {
    await putManyImages(store, Number(count), Number(labels));
  } finally {
    await store.close();
  }
}
