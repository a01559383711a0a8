import { isStowageError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { kindOf } from '../oci/media-type.js';
import { hasOutline, type Outline } from './outline.js';
import type { CallOptions, ContentStore } from './store.js';

/** What is held of some content and what it says, each thing found out once, and many at a time. */
export class HeldOutlines {
  readonly #content: ContentStore;
  readonly #options: CallOptions;
  readonly #asked = new Set<string>();
  readonly #held = new Set<Digest>();
  readonly #outlines = new Map<string, Outline>();
  readonly #failures = new Map<string, unknown>();

  constructor(content: ContentStore, options: CallOptions = {}) {
    this.#content = content;
    this.#options = options;
  }

  /** Finds out about all of these, with one look-up where the store remembers, and by reading where it does not. */
  async load(descriptors: readonly Descriptor[]): Promise<void> {
    const fresh = descriptors.filter((descriptor) => {
      const key = keyOf(descriptor);
      return !this.#asked.has(key) && this.#asked.add(key);
    });
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
      if (outline?.kind === kindOf(mediaType)) this.#outlines.set(keyOf(descriptor), outline);
      else await this.#read(descriptor);
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
  get(descriptor: Descriptor): Outline | undefined {
    const key = keyOf(descriptor);
    if (this.#failures.has(key)) throw this.#failures.get(key);
    return this.#outlines.get(key);
  }

  async #read(descriptor: Descriptor): Promise<void> {
    // Most often everything is remembered, and what reads documents takes longer to load than the rest.
    const { readOutline } = await import('./read-outline.js');
    try {
      const outline = await readOutline(this.#content, descriptor, this.#options);
      if (outline !== undefined) this.#outlines.set(keyOf(descriptor), outline);
    } catch (error) {
      if (!isStowageError(error)) throw error;
      this.#failures.set(keyOf(descriptor), error);
    }
  }
}

/** The same bytes may be listed as a document in one place and as something else in another. */
function keyOf({ mediaType, digest }: Descriptor): string {
  return `${kindOf(mediaType)} ${digest}`;
}
