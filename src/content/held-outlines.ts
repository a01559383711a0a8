import { isStowageError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { kindOf, type Kind } from '../oci/media-type.js';
import { hasOutline, type Outline } from './outline.js';
import type { CallOptions, ContentStore } from './store.js';

/** What was found out about one descriptor. */
interface Known {
  readonly outline?: Outline | undefined;
  readonly failure?: unknown;
}

const NOTHING: Known = {};

/** What is held of some content and what it says, each thing found out once, and many at a time. */
export class HeldOutlines {
  readonly #content: ContentStore;
  readonly #options: CallOptions;
  readonly #held = new Set<Digest>();
  /** By kind, since the same bytes may be listed as a document in one place and as something else in another. */
  readonly #known: Partial<Record<Kind, Map<Digest, Known>>> = {};

  constructor(content: ContentStore, options: CallOptions = {}) {
    this.#content = content;
    this.#options = options;
  }

  /** Finds out about all of these, with one look-up where the store remembers, and by reading where it does not. */
  async load(descriptors: readonly Descriptor[]): Promise<void> {
    const fresh: Descriptor[] = [];
    for (const descriptor of descriptors) {
      const known = this.#of(descriptor.mediaType);
      if (known.has(descriptor.digest)) continue;
      known.set(descriptor.digest, NOTHING);
      fresh.push(descriptor);
    }
    if (fresh.length === 0) return;
    const remembered = await this.#content.outlines?.(fresh, this.#options);
    for (const descriptor of fresh) {
      const { digest, mediaType } = descriptor;
      const isHeld = remembered
        ? remembered.has(digest)
        : (await this.#content.stat({ digest }, this.#options)) !== undefined;
      if (!isHeld) continue;
      this.#held.add(digest);
      if (!hasOutline(mediaType)) continue;
      const outline = remembered?.get(digest);
      const fits = outline?.kind === kindOf(mediaType);
      this.#of(mediaType).set(digest, fits ? { outline } : await this.#read(descriptor));
    }
  }

  /** Whether something that was loaded is held. */
  holds({ digest }: Pick<Descriptor, 'digest'>): boolean {
    return this.#held.has(digest);
  }

  /**
   * The outline of something that was loaded; undefined if it is not held or has none.
   * @throws {StowageError} what kept it from being read
   */
  get({ mediaType, digest }: Descriptor): Outline | undefined {
    const { outline, failure } = this.#of(mediaType).get(digest) ?? NOTHING;
    if (failure !== undefined) throw failure;
    return outline;
  }

  #of(mediaType: string): Map<Digest, Known> {
    return (this.#known[kindOf(mediaType)] ??= new Map<Digest, Known>());
  }

  async #read(descriptor: Descriptor): Promise<Known> {
    // Most often everything is remembered, and what reads documents takes longer to load than the rest.
    const { readOutline } = await import('./read-outline.js');
    try {
      return { outline: await readOutline(this.#content, descriptor, this.#options) };
    } catch (failure) {
      if (!isStowageError(failure)) throw failure;
      return { failure };
    }
  }
}
