import fc from 'fast-check';
import { PassThrough } from 'node:stream';
import { describe, it, expect } from 'vitest';
import { openMemoryStore } from '../backends/memory/index.js';
import { copy } from '../content/copy.js';
import type { Store } from '../images/store.js';
import { fromSource } from '../io/streams.js';
import { config, forPlatform, index, layer, manifest, putImage, type Built } from '../testing/build-image.js';
import { inPieces } from '../testing/content.js';
import { exportArchive, importArchive } from './index.js';

const text = fc.string({ unit: 'binary', maxLength: 40 });
const layers = fc.array(
  fc.tuple(fc.stringMatching(/^[a-z]{1,8}$/), text).map(([name, content]) => layer(name, content)),
  { maxLength: 4 },
);
const manifests = (architecture: string) =>
  fc.tuple(layers, text).map(([parts, author]) => manifest(config({ architecture, author }), ...parts));
const image: fc.Arbitrary<Built> = fc.oneof(
  manifests('amd64'),
  fc
    .tuple(manifests('amd64'), manifests('arm64'))
    .map(([amd, arm]) => index(forPlatform('linux/amd64', amd), forPlatform('linux/arm64', arm))),
  fc
    .tuple(manifests('s390x'), manifests('arm64'))
    .map(([a, b]) => index(index(forPlatform('linux/s390x', a)), b)),
);
const names = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}\/[a-z]{1,6}:[a-z0-9]{1,6}$/), {
  minLength: 1,
  maxLength: 4,
});

async function archiveOf(store: Store, wanted: readonly string[]): Promise<Buffer> {
  const sink = new PassThrough();
  const bytes = (async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of fromSource(sink)) chunks.push(chunk);
    return Buffer.concat(chunks);
  })();
  await exportArchive(store, wanted, sink);
  return bytes;
}

describe('what is exported and imported again', () => {
  it('is the same images under the same names, blob by blob, and exports to the same bytes', async () => {
    const pieces = fc.integer({ min: 1, max: 4000 });
    await fc.assert(
      fc.asyncProperty(
        fc.array(image, { minLength: 1, maxLength: 3 }),
        names,
        pieces,
        async (images, wanted, size) => {
          const first = openMemoryStore();
          for (const [at, name] of wanted.entries()) {
            const built = images[at % images.length] as Built;
            await putImage(first.content, built);
            await first.images.apply([{ op: 'create', name, target: built.descriptor }]);
          }
          const archive = await archiveOf(first, wanted);

          const second = openMemoryStore();
          const result = await importArchive(second, inPieces(archive, size));
          expect(result.images.map(({ name }) => name)).toEqual(wanted);
          for await (const { name, target } of first.images.list()) {
            const { digest, mediaType, size } = target;
            expect((await second.images.get(name))?.target).toMatchObject({ digest, mediaType, size });
          }
          for await (const { digest, size } of first.content.list()) {
            // Reading verifies, so what can be copied is the same bytes.
            const blob = { digest, size, mediaType: 'application/octet-stream' };
            expect((await copy(second.content, openMemoryStore().content, [blob])).bytes.written).toBe(size);
          }
          expect((await archiveOf(second, wanted)).equals(archive)).toBe(true);
        },
      ),
      { numRuns: 60 },
    );
  });
});
