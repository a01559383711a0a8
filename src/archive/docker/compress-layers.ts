import type { CallOptions, Reader, Writer } from '../../content/store.js';
import { chunksOf } from '../../io/byte-source.js';
import { compress } from '../../io/compression/compress.js';
import { pool } from '../../io/pool.js';
import { verifying } from '../../io/verify.js';
import type { Digest } from '../../oci/digest.js';
import { aboutArchive } from '../archive-error.js';
import type { DockerLayer } from './layer.js';
import { UNCOMPRESSED } from './proven-layers.js';
import type { DockerImage } from './source.js';

/**
 * Layers that are compressed at once. Each is compressed in blocks that go to several threads by themselves; a second one
 * fills these while the first is read, or waits for the disk. More would only take memory.
 */
const AT_ONCE = 2;

/**
 * The same images with every plain layer compressed by gzip, each once, however many have it, several at once. The
 * result is in `store`, labelled with what it unpacks to; what goes in is proven to be what it is said to be.
 *
 * @param written is told what was not in the store before.
 * @throws {StowageError} MISMATCH for a layer that is not what its config says.
 */
export async function compressLayers(
  images: readonly DockerImage[],
  archive: string,
  store: Reader & Writer,
  written: Set<Digest>,
  { signal }: CallOptions,
): Promise<DockerImage[]> {
  const done = new Map<Digest, DockerLayer>();
  const compressed = async (layer: DockerLayer, signal: AbortSignal): Promise<DockerLayer> => {
    const { digest: plain, file } = layer;
    const expected = { digest: plain, size: file.size };
    const what = `blob ${JSON.stringify(plain)}`;
    const content = () =>
      compress(verifying(chunksOf(file.open(), { signal }), expected, { what, code: 'MISMATCH' }), 'gzip', {
        signal,
      });
    const labels = { [UNCOMPRESSED]: plain };
    const put = () => store.put(undefined, content, { signal, labels });
    const { digest, size, existed } = await aboutArchive(archive, put);
    if (!existed) written.add(digest);
    const open = (start = 0, end = size) =>
      store.read({ digest, size }, { range: { offset: start, length: end - start } });
    return { digest, compression: 'gzip', diffId: plain, file: { size, digest, open } };
  };
  const plain = images.flatMap(({ layers }) => layers.filter(({ compression }) => compression === 'none'));
  const distinct = new Map(plain.map((layer) => [layer.digest, layer]));
  await pool(
    distinct.values(),
    async (layer, linked) => void done.set(layer.digest, await compressed(layer, linked)),
    { concurrency: AT_ONCE, signal },
  );
  return images.map((image) => ({
    ...image,
    layers: image.layers.map(
      (layer) => (layer.compression === 'none' ? done.get(layer.digest) : undefined) ?? layer,
    ),
  }));
}
