import type { StowageError } from '../errors.js';
import type { Collection, CollectOptions, Removed } from './collection.js';

/** Counts what a collection removes, and tells whoever wants to know. */
export class Tally {
  readonly #options: Pick<CollectOptions, 'onRemoved' | 'onFailure'>;
  readonly #removed = { image: 0, content: 0, ingest: 0, lease: 0, blob: 0 };
  #freedBytes = 0;
  #failed = 0;

  constructor(options: Pick<CollectOptions, 'onRemoved' | 'onFailure'>) {
    this.#options = options;
  }

  removed(removed: Removed): void {
    this.#removed[removed.kind] += 1;
    this.#freedBytes += removed.size ?? 0;
    this.#options.onRemoved?.(removed);
  }

  failed(error: StowageError): void {
    this.#failed += 1;
    this.#options.onFailure?.(error);
  }

  result(kept: Collection['kept']): Collection {
    return { removed: { ...this.#removed }, freedBytes: this.#freedBytes, failed: this.#failed, kept };
  }
}
