import type { Reader } from '../../content/store.js';
import { isDocument, readDocument } from '../../content/read.js';
import { children } from '../../oci/children.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';

/**
 * Which blobs of an archive are needed, as far as its index and the manifests that have come by so far tell. While a
 * document that is needed has not come yet, anything could be: then everything is.
 */
export class StreamSelection {
  readonly #wants: (child: Descriptor) => boolean;
  readonly #everything: boolean;
  readonly #needed = new Set<Digest>();
  /** Needed documents whose children are not known yet. */
  readonly #unread = new Map<Digest, Descriptor>();
  /** Those of them that have come. */
  readonly #readable: Descriptor[] = [];
  /** Size in bytes of what has come. */
  readonly #here = new Map<Digest, number>();
  /** Documents that are needed, read or not. */
  readonly #known = new Set<Digest>();

  /**
   * @param roots what is needed with all it refers to, or everything the archive has
   * @param wants whether a child of an index that is needed is needed itself
   */
  constructor(roots: readonly Descriptor[] | 'everything', wants: (child: Descriptor) => boolean) {
    this.#wants = wants;
    this.#everything = roots === 'everything';
    if (roots !== 'everything') for (const root of roots) this.#need(root);
  }

  needs(digest: Digest): boolean {
    return this.#everything || this.#unread.size > 0 || this.#needed.has(digest);
  }

  /**
   * To be told of every blob, with its size in bytes, that can be read from `reader` now. What was announced with
   * another size is not read: it is of no use, and the plan says so.
   */
  async arrived(digest: Digest, size: number, reader: Reader): Promise<void> {
    this.#here.set(digest, size);
    const waited = this.#unread.get(digest);
    if (waited !== undefined) this.#readable.push(waited);
    for (let next = this.#readable.pop(); next !== undefined; next = this.#readable.pop()) {
      this.#unread.delete(next.digest);
      if (this.#here.get(next.digest) !== next.size) continue;
      const document = await readDocument(reader, next);
      for (const child of children(document)) {
        if (document.kind === 'manifest' || this.#wants(child)) this.#need(child);
        // Of what is left out, only the manifest is kept: it says what was left out.
        else this.#needed.add(child.digest);
      }
    }
  }

  #need(descriptor: Descriptor): void {
    this.#needed.add(descriptor.digest);
    if (!isDocument(descriptor) || this.#known.has(descriptor.digest)) return;
    this.#known.add(descriptor.digest);
    this.#unread.set(descriptor.digest, descriptor);
    if (this.#here.has(descriptor.digest)) this.#readable.push(descriptor);
  }
}
