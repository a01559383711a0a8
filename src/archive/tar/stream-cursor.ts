import { StowageError } from '../../errors.js';
import { indexOfData } from './block.js';
import type { Cursor } from './walk.js';

/** What a tar archive can be read from as it comes. */
export type TarSource = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

const NOTHING = new Uint8Array(0);

type Pull = () => IteratorResult<unknown, unknown> | Promise<IteratorResult<unknown, unknown>>;

/** A {@link Cursor} over chunks. What it hands out are views of the chunks wherever one chunk holds all of it. */
export class StreamCursor implements Cursor {
  readonly #pull: Pull;
  readonly #stop: () => unknown;
  readonly #signal: AbortSignal | undefined;
  #chunk: Uint8Array = NOTHING;
  #start = 0;
  #position = 0;
  #pulling = false;
  #failure: { readonly error: unknown } | undefined;
  #ended = false;

  constructor(source: TarSource, signal: AbortSignal | undefined) {
    const iterator = iteratorOf(source);
    this.#pull = () => iterator.next();
    this.#stop = () => iterator.return?.();
    this.#signal = signal;
  }

  get position(): number {
    return this.#position;
  }

  async read(length: number): Promise<Uint8Array> {
    if (length === 0) return NOTHING;
    const first = await this.take(length);
    if (first === undefined) return NOTHING;
    if (first.length === length) return first;
    const bytes = new Uint8Array(length);
    bytes.set(first);
    let count = first.length;
    while (count < length) {
      const part = await this.take(length - count);
      if (part === undefined) break;
      bytes.set(part, count);
      count += part.length;
    }
    return bytes.subarray(0, count);
  }

  /** Between one and `most` bytes, never copied; undefined at the end. */
  async take(most: number): Promise<Uint8Array | undefined> {
    if (this.#start === this.#chunk.length && !(await this.#fill())) return undefined;
    const part =
      this.#start === 0 && this.#chunk.length <= most
        ? this.#chunk
        : this.#chunk.subarray(this.#start, this.#start + most);
    this.#start += part.length;
    this.#position += part.length;
    return part;
  }

  /** Passes over `length` bytes; false if the source ends before. */
  async skip(length: number): Promise<boolean> {
    for (let missing = length; missing > 0;) {
      const part = await this.take(missing);
      if (part === undefined) return false;
      missing -= part.length;
    }
    return true;
  }

  async findData(): Promise<number | undefined> {
    for (;;) {
      const start = this.#position;
      const part = await this.take(Number.MAX_SAFE_INTEGER);
      if (part === undefined) return undefined;
      const index = indexOfData(part);
      if (index !== -1) return start + index;
    }
  }

  /** Ends the source. One that is busy is told, but not waited for. */
  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#chunk = NOTHING;
    this.#start = 0;
    if (this.#pulling) {
      // A generator ends only after the step it is in, which an aborted reader does not wait for.
      void (async () => this.#stop())().catch(() => undefined);
      return;
    }
    await this.#stop();
  }

  /** Makes the chunk one that has bytes left; false at the end of the source. */
  async #fill(): Promise<boolean> {
    if (this.#failure !== undefined) throw this.#failure.error;
    while (!this.#ended) {
      this.#signal?.throwIfAborted();
      const { done, value } = await this.#next();
      if (done === true) {
        this.#ended = true;
        break;
      }
      if (!(value instanceof Uint8Array)) {
        throw new StowageError(
          'INVALID',
          'Cannot read tar archive: its source yields something other than bytes',
        );
      }
      this.#chunk = value;
      this.#start = 0;
      if (value.length > 0) return true;
    }
    this.#chunk = NOTHING;
    this.#start = 0;
    return false;
  }

  async #next(): Promise<IteratorResult<unknown, unknown>> {
    this.#pulling = true;
    try {
      const pending = this.#pull();
      const result = await (pending instanceof Promise ? abortable(pending, this.#signal) : pending);
      this.#pulling = false;
      return result;
    } catch (error) {
      this.#failure = { error };
      // A source that failed has ended by itself; one that was only given up on is still busy.
      if (this.#signal?.aborted !== true || error !== this.#signal.reason) {
        this.#pulling = false;
        this.#ended = true;
      }
      throw error;
    }
  }
}

function iteratorOf(source: TarSource): AsyncIterator<Uint8Array> | Iterator<Uint8Array> {
  if (source instanceof Uint8Array) return [source][Symbol.iterator]();
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}

/** What `promise` comes to, unless the signal is aborted before. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason);
    };
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort);
    });
  });
}
