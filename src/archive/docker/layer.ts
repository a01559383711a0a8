import { StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import { chunksOf } from '../../io/byte-source.js';
import { decompress } from '../../io/compression/decompress.js';
import { DETECTION_BYTES, detectCompression, type Compression } from '../../io/compression/detect.js';
import { createHasher } from '../../io/hash.js';
import { readAll } from '../../io/limit.js';
import { algorithmOf, type Algorithm, type Digest } from '../../oci/digest.js';
import type { LayerCompression } from '../../oci/media-type.js';
import type { ArchiveFile } from '../layout/archive-file.js';
import { quote } from '../tar/text.js';

/** A layer as a manifest is going to list it. */
export interface DockerLayer {
  readonly file: ArchiveFile;
  /** Of the file as it is. Proven, except where it is the diff ID that the config states of a plain layer. */
  readonly digest: Digest;
  readonly compression: LayerCompression;
}

/**
 * Looks at the layers of one archive, each file once, however many images have it. A plain layer is its own diff ID,
 * so it is not read at all where that is stated: whoever takes it in proves it. What is compressed is unpacked here,
 * for nothing else would ever notice that it is not what the config means.
 */
export class LayerReader {
  readonly #archive: string;
  readonly #options: CallOptions;
  readonly #compressions = new Map<ArchiveFile, Promise<LayerCompression>>();
  readonly #digests = new Map<string, Promise<Digests>>();
  readonly #numbers = new Map<ArchiveFile, number>();

  constructor(archive: string, options: CallOptions) {
    this.#archive = archive;
    this.#options = options;
  }

  /** @throws {StowageError} MISMATCH if the layer is not the one its diff ID means. */
  async expect(path: string, file: ArchiveFile, diffId: Digest): Promise<DockerLayer> {
    const compression = await this.#compression(path, file);
    const isPlain = compression === 'none' && algorithmOf(diffId) === 'sha256';
    const found = isPlain
      ? { digest: file.digest ?? diffId, diffId: file.digest ?? diffId }
      : await this.#digestsOf(path, file, algorithmOf(diffId));
    if (found.diffId !== diffId) {
      throw new StowageError(
        'MISMATCH',
        `Cannot import ${this.#archive}: layer ${quote(path)}: its content has the digest ${found.diffId}, its config ` +
          `says ${diffId}`,
        {
          detail: { entry: path, digest: diffId, actualDigest: found.diffId },
          hint: 'the archive is damaged: copy it again from where it came, or make it again',
        },
      );
    }
    return { file, compression, digest: found.digest };
  }

  /** A layer of which nothing is stated, with the diff ID that it has. */
  async measure(path: string, file: ArchiveFile): Promise<DockerLayer & { readonly diffId: Digest }> {
    const compression = await this.#compression(path, file);
    return { file, compression, ...(await this.#digestsOf(path, file, 'sha256')) };
  }

  #compression(path: string, file: ArchiveFile): Promise<LayerCompression> {
    const known = this.#compressions.get(file) ?? this.#detect(path, file);
    this.#compressions.set(file, known);
    return known;
  }

  async #detect(path: string, file: ArchiveFile): Promise<LayerCompression> {
    const head = chunksOf(file.open(0, Math.min(file.size, DETECTION_BYTES)), this.#options);
    const what = this.#nameOf(path);
    const found: Compression = detectCompression(await readAll(head, { limit: DETECTION_BYTES, what }));
    if (found === 'none' || found === 'gzip' || found === 'zstd') return found;
    throw new StowageError(
      'UNSUPPORTED',
      `Cannot import ${this.#archive}: layer ${quote(path)} is compressed with ${found}, for which images have no media type`,
      { detail: { entry: path }, hint: 'make the archive again with layers that are plain, gzip or zstd' },
    );
  }

  #digestsOf(path: string, file: ArchiveFile, algorithm: Algorithm): Promise<Digests> {
    const number = this.#numbers.get(file) ?? this.#numbers.size;
    this.#numbers.set(file, number);
    const key = `${number} ${algorithm}`;
    const known = this.#digests.get(key) ?? this.#hash(path, file, algorithm);
    this.#digests.set(key, known);
    return known;
  }

  /** As it is, and unpacked, in one pass. */
  async #hash(path: string, file: ArchiveFile, algorithm: Algorithm): Promise<Digests> {
    const options = this.#options;
    const outer = createHasher('sha256');
    const inner = createHasher(algorithm);
    async function* hashed() {
      for await (const chunk of chunksOf(file.open(), options)) {
        outer.update(chunk);
        yield chunk;
      }
    }
    const unpacked = decompress(hashed(), { what: this.#nameOf(path), signal: options.signal });
    for await (const chunk of unpacked) inner.update(chunk);
    return { digest: outer.digest(), diffId: inner.digest() };
  }

  #nameOf(path: string): string {
    return `layer ${quote(path)} of ${this.#archive}`;
  }
}

interface Digests {
  readonly digest: Digest;
  readonly diffId: Digest;
}
