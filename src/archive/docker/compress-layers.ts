import type { CallOptions, Reader, Writer } from '../../content/store.js';
import { chunksOf } from '../../io/byte-source.js';
import { compress } from '../../io/compression/compress.js';
import { verifying } from '../../io/verify.js';
import type { Digest } from '../../oci/digest.js';
import { aboutArchive } from '../archive-error.js';
import type { DockerLayer } from './layer.js';
import type { DockerImage } from './source.js';

/** The label by which containerd knows what a compressed layer unpacks to. */
const UNCOMPRESSED = 'containerd.io/uncompressed';

/**
 * The same images with every plain layer compressed by gzip, each once, however many have it. The result is in `store`,
 * labelled with what it unpacks to; what goes in is proven to be what it is said to be.
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
  const compressed = async (layer: DockerLayer): Promise<DockerLayer> => {
    const { digest: plain, file } = layer;
    const expected = { digest: plain, size: file.size };
    const what = `blob ${JSON.stringify(plain)}`;
    const content = () =>
      compress(verifying(chunksOf(file.open()), expected, { what, code: 'MISMATCH' }), 'gzip', { signal });
    const labels = { [UNCOMPRESSED]: plain };
    const put = () => store.put(undefined, content, { signal, labels });
    const { digest, size, existed } = await aboutArchive(archive, put);
    if (!existed) written.add(digest);
    const open = (start = 0, end = size) =>
      store.read({ digest, size }, { range: { offset: start, length: end - start } });
    return { digest, compression: 'gzip', file: { size, digest, open } };
  };
  const result: DockerImage[] = [];
  for (const image of images) {
    const layers: DockerLayer[] = [];
    for (const layer of image.layers) {
      const isPlain = layer.compression === 'none';
      const now = isPlain ? (done.get(layer.digest) ?? (await compressed(layer))) : layer;
      if (isPlain) done.set(layer.digest, now);
      layers.push(now);
    }
    result.push({ ...image, layers });
  }
  return result;
}
