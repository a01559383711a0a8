import type { CallOptions, Catalog } from '../../content/store.js';
import type { Digest } from '../../oci/digest.js';

/** The label by which containerd knows what a compressed layer unpacks to. */
export const UNCOMPRESSED = 'containerd.io/uncompressed';

/**
 * What is known of the compressed layers a store holds. That a blob unpacks to a diff ID was proven by whoever set the
 * label, and stays true whatever becomes of the blob, so nothing of this needs a lease. Only labels of the store count:
 * what an archive says of itself is never one.
 */
export class ProvenLayers {
  readonly #catalog: Pick<Catalog, 'info' | 'list'>;
  readonly #options: CallOptions;
  #known: Promise<ReadonlySet<string>> | undefined;

  constructor(catalog: Pick<Catalog, 'info' | 'list'>, options: CallOptions) {
    this.#catalog = catalog;
    this.#options = options;
  }

  /** What the blob of this size unpacks to, if it is held and that was proven. One look-up. */
  async unpacked(digest: Digest, size: number): Promise<string | undefined> {
    const info = await this.#catalog.info(digest, this.#options);
    return info?.size === size ? info.labels[UNCOMPRESSED] : undefined;
  }

  /** Whether any blob of this size that is held unpacks to this. All are looked through, the first time. */
  async mayHold(diffId: Digest, size: number): Promise<boolean> {
    this.#known ??= this.#list();
    return (await this.#known).has(`${size} ${diffId}`);
  }

  async #list(): Promise<ReadonlySet<string>> {
    const known = new Set<string>();
    for await (const { size, labels } of this.#catalog.list(this.#options)) {
      const diffId = labels[UNCOMPRESSED];
      if (diffId !== undefined) known.add(`${size} ${diffId}`);
    }
    return known;
  }
}
