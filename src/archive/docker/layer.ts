import { StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import { chunksOf, type Bytes } from '../../io/byte-source.js';
import { decompress } from '../../io/compression/decompress.js';
import { DETECTION_BYTES, detectCompression, type Compression } from '../../io/compression/detect.js';
import { createHasher } from '../../io/hash.js';
import { readAll } from '../../io/limit.js';
import { pool } from '../../io/pool.js';
import { algorithmOf, isDigest, type Algorithm, type Digest } from '../../oci/digest.js';
import type { LayerCompression } from '../../oci/media-type.js';
import type { ArchiveFile } from '../layout/archive-file.js';
import { quote } from '../tar/text.js';
import type { ProvenLayers } from './proven-layers.js';

/** A layer as a manifest is going to list it. */
export interface DockerLayer {
  readonly file: ArchiveFile;
  /**
   * Of the file as it is. Proven, except where it is the diff ID that the config states of a plain layer, or what the
   * layer is called and the store holds: whoever takes it in proves it.
   */
  readonly digest: Digest;
  readonly compression: LayerCompression;
  /** Of what it unpacks to; the digest where it is plain. */
  readonly diffId: Digest;
}

/** A layer of which the content is stated. */
export interface LayerPart {
  /** As the image calls it. */
  readonly path: string;
  readonly file: ArchiveFile;
  readonly diffId: Digest;
}

/**
 * Layers that are unpacked at once: each of gzip has a thread to itself and keeps a few MiB in memory, while this thread
 * hashes what they give. One of zstd may keep the 128 MiB its window may have, so these go one after the other.
 */
const AT_ONCE = { none: 3, gzip: 3, zstd: 1 } as const;

/**
 * Looks at the layers of one archive, each file once, however many images have it. A plain layer is its own diff ID,
 * so it is not read at all where that is stated: whoever takes it in proves it. What is compressed is unpacked here,
 * for nothing else would ever notice that it is not what the config means, unless the store holds it and knows what it
 * unpacks to.
 */
export class LayerReader {
  readonly #archive: string;
  readonly #proven: ProvenLayers | undefined;
  readonly #options: CallOptions;
  readonly #compressions = new Map<ArchiveFile, Promise<LayerCompression>>();
  readonly #digests = new Map<string, Promise<Digests>>();
  readonly #numbers = new Map<ArchiveFile, number>();

  constructor(archive: string, proven: ProvenLayers | undefined, options: CallOptions) {
    this.#archive = archive;
    this.#proven = proven;
    this.#options = options;
  }

  /**
   * Several layers, as many at once as memory allows.
   *
   * @throws {StowageError} MISMATCH if a layer is not the one its diff ID means.
   */
  async expectAll(parts: readonly LayerPart[]): Promise<DockerLayer[]> {
    const keyOf = ({ file, diffId }: LayerPart) => `${this.#numberOf(file)} ${diffId}`;
    const distinct = new Map(parts.map((part) => [keyOf(part), part]));
    const looked = await this.#several([...distinct.values()], (part, signal) => this.#expect(part, signal));
    const found = new Map([...distinct.keys()].map((key, at) => [key, looked[at]]));
    return parts.flatMap((part) => found.get(keyOf(part)) ?? []);
  }

  /** Several layers of which nothing is stated, each with the diff ID that it has. */
  measureAll(parts: readonly Omit<LayerPart, 'diffId'>[]): Promise<DockerLayer[]> {
    return this.#several(parts, async ({ path, file }, signal) => {
      const compression = await this.compression(path, file);
      return { file, compression, ...(await this.#digestsOf(path, file, 'sha256', signal)) };
    });
  }

  /** How a layer is compressed, by its first bytes. @throws {StowageError} UNSUPPORTED if images have no such layers. */
  compression(path: string, file: ArchiveFile): Promise<LayerCompression> {
    const known = this.#compressions.get(file) ?? this.#detect(path, file);
    this.#compressions.set(file, known);
    return known;
  }

  async #several<P extends Omit<LayerPart, 'diffId'>>(
    parts: readonly P[],
    look: (part: P, signal: AbortSignal) => Promise<DockerLayer>,
  ): Promise<DockerLayer[]> {
    const groups: Record<LayerCompression, number[]> = { none: [], gzip: [], zstd: [] };
    for (const [at, { path, file }] of parts.entries()) groups[await this.compression(path, file)].push(at);
    const found = new Map<number, DockerLayer>();
    for (const compression of ['none', 'gzip', 'zstd'] as const) {
      const { signal } = this.#options;
      await pool(
        groups[compression],
        async (at, linked) => {
          const part = parts[at];
          if (part !== undefined) found.set(at, await look(part, linked));
        },
        { concurrency: AT_ONCE[compression], signal },
      );
    }
    return parts.flatMap((_, at) => found.get(at) ?? []);
  }

  async #expect({ path, file, diffId }: LayerPart, signal: AbortSignal): Promise<DockerLayer> {
    const compression = await this.compression(path, file);
    const isPlain = compression === 'none' && algorithmOf(diffId) === 'sha256';
    const plain = file.digest ?? diffId;
    const found = isPlain
      ? { digest: plain, diffId: plain }
      : ((await this.#heldAs({ path, file, diffId }, signal)) ??
        (await this.#digestsOf(path, file, algorithmOf(diffId), signal)));
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
    return { file, compression, ...found };
  }

  /**
   * The digests of a layer that the store holds and of which it knows what it unpacks to. A layer that is called by its
   * digest is not read, as the blobs of a layout are not. Else only its own bytes can say which blob it is: what else
   * unpacks to the same may be another blob, and then the image would be another one for another store.
   */
  async #heldAs({ path, file, diffId }: LayerPart, signal: AbortSignal): Promise<Digests | undefined> {
    const proven = this.#proven;
    if (proven === undefined) return undefined;
    const isHeld = async (digest: Digest) => (await proven.unpacked(digest, file.size)) === diffId;
    const called = file.digest ?? digestInName(path);
    if (called !== undefined && (await isHeld(called))) return { digest: called, diffId };
    if (file.digest !== undefined || !(await proven.mayHold(diffId, file.size))) return undefined;
    const outer = createHasher('sha256');
    for await (const chunk of chunksOf(file.open(), { signal })) outer.update(chunk);
    const digest = outer.digest();
    return (await isHeld(digest)) ? { digest, diffId } : undefined;
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

  #digestsOf(path: string, file: ArchiveFile, algorithm: Algorithm, signal: AbortSignal): Promise<Digests> {
    const key = `${this.#numberOf(file)} ${algorithm}`;
    const known = this.#digests.get(key) ?? this.#hash(path, file, algorithm, signal);
    this.#digests.set(key, known);
    return known;
  }

  /** As it is, and unpacked, in one pass. */
  async #hash(path: string, file: ArchiveFile, algorithm: Algorithm, signal: AbortSignal): Promise<Digests> {
    const outer = createHasher('sha256');
    const inner = createHasher(algorithm);
    async function* hashed(): Bytes {
      for await (const chunk of chunksOf(file.open(), { signal })) {
        outer.update(chunk);
        yield chunk;
      }
    }
    const unpacked = decompress(hashed(), { what: this.#nameOf(path), signal });
    for await (const chunk of unpacked) inner.update(chunk);
    return { digest: outer.digest(), diffId: inner.digest() };
  }

  #numberOf(file: ArchiveFile): number {
    const number = this.#numbers.get(file) ?? this.#numbers.size;
    this.#numbers.set(file, number);
    return number;
  }

  #nameOf(path: string): string {
    return `layer ${quote(path)} of ${this.#archive}`;
  }
}

interface Digests {
  readonly digest: Digest;
  readonly diffId: Digest;
}

/** The digest that a layer is called by, as several builders do: `<hex>.tar.gz`, `sha256:<hex>`, `blobs/sha256/<hex>`. */
function digestInName(path: string): Digest | undefined {
  const [, hex = ''] = /(?:^|\/|sha256:)([0-9a-f]{64})(?:\.tar\.gz|\.tgz|\.tar\.zst)?$/.exec(path) ?? [];
  const digest = `sha256:${hex}`;
  return isDigest(digest) ? digest : undefined;
}
