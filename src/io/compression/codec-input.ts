/**
 * What a compressor or decompressor reads, counted. A failure of the source is remembered, so that it is not taken
 * for damaged data; chunks without bytes are left out, since decoders take them for the end.
 */
export class CodecInput implements AsyncIterableIterator<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal;
  #consumed = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  /** Once `signal` is aborted, the source is not asked any more; whoever waits for it must be released by itself. */
  constructor(chunks: AsyncIterator<Uint8Array>, signal: AbortSignal) {
    this.#chunks = chunks;
    this.#signal = signal;
  }

  /** Bytes given so far. */
  get consumed(): number {
    return this.#consumed;
  }

  /** Whether the source has nothing more to give. */
  get ended(): boolean {
    return this.#ended;
  }

  /** What the source failed with. */
  get failure(): { readonly error: unknown } | undefined {
    return this.#failure;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    while (!this.#ended) {
      if (this.#signal.aborted) {
        this.#failure ??= { error: this.#signal.reason };
        throw this.#signal.reason;
      }
      let step: IteratorResult<Uint8Array>;
      try {
        step = await this.#chunks.next();
      } catch (error) {
        this.#ended = true;
        this.#failure = { error };
        throw error;
      }
      if (step.done) {
        this.#ended = true;
      } else if (step.value.byteLength > 0) {
        this.#consumed += step.value.byteLength;
        return { done: false, value: step.value };
      }
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (!this.#ended) {
      this.#ended = true;
      await this.#chunks.return?.();
    }
    return { done: true, value: undefined };
  }
}
