import { Worker } from 'node:worker_threads';
import { QUIET } from './copy-workers.js';
import { digestFromHash, type Algorithm, type Digest } from '../oci/digest.js';

/** Pieces that are copied for the thread and wait to be hashed. */
const SLOTS = 4;

/** Bytes of such a piece. */
export const HASH_PIECE = 2 << 20;

/** As copy-worker.js has it. */
type Order = { readonly start: Algorithm } | { readonly piece: Uint8Array } | { readonly end: true };
type Answer = { readonly ready: true } | { readonly hashed: Uint8Array } | { readonly digest: Uint8Array };

/**
 * A thread that hashes one content at a time, so that this one can read and write meanwhile. It is started when it is
 * first taken, and keeps the process alive only while it is.
 */
export class HashThread implements AsyncDisposable {
  readonly #url: URL;
  /** Undefined inside where the program cannot be loaded. */
  #starting: Promise<Worker | undefined> | undefined;
  #taken = false;

  /** @param workerUrl the program of the thread. @default `copy-worker.js` beside this module */
  constructor(workerUrl?: URL) {
    this.#url = workerUrl ?? new URL('./copy-worker.js', import.meta.url);
  }

  /** A hasher in the thread, to be closed when it is done with; undefined if the thread is taken or cannot be loaded. */
  async take(algorithm: Algorithm): Promise<ThreadHasher | undefined> {
    if (this.#taken) return undefined;
    this.#taken = true;
    const starting: Promise<Worker | undefined> = (this.#starting ??= start(this.#url, algorithm, () => {
      if (this.#starting === starting) this.#starting = undefined;
    }));
    const worker = await starting;
    if (worker === undefined) {
      this.#taken = false;
      return undefined;
    }
    return new ThreadHasher(worker, algorithm, (isWhole) => {
      // One that was left in the middle, or failed, is not given other work.
      if (!isWhole) {
        this.#starting = undefined;
        void worker.terminate();
      }
      this.#taken = false;
    });
  }

  /** Ends the thread. Alias of disposal. */
  async close(): Promise<void> {
    const worker = await this.#starting;
    await worker?.terminate();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/**
 * Hashes in another thread, what comes first first; `digest` is called once and at the end, and `close` whatever happened.
 */
export class ThreadHasher {
  readonly #worker: Worker;
  readonly #algorithm: Algorithm;
  readonly #onClose: (isWhole: boolean) => void;
  /** Of the orders that were not answered yet; they are in their order. */
  readonly #waiting: {
    readonly resolve: (answer: Uint8Array) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  readonly #slots: Promise<Uint8Array>[] = [];
  #isWhole = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(worker: Worker, algorithm: Algorithm, onClose: (isWhole: boolean) => void) {
    this.#worker = worker;
    this.#algorithm = algorithm;
    this.#onClose = onClose;
    worker.on('message', this.#onAnswer).on('error', this.#onError).on('exit', this.#onExit);
    worker.ref();
    this.#post({ start: algorithm });
  }

  /**
   * Hashes bytes without a copy of them. They, and all else in their buffer, are the thread's from now on; the same
   * bytes are what it resolves to, when they are hashed.
   */
  lend(bytes: Uint8Array): Promise<Uint8Array> {
    return this.#ask({ piece: bytes }, [bytes.buffer as ArrayBuffer]);
  }

  /** Resolves when the bytes may change again; a copy of them is hashed. */
  async update(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.byteLength; start += HASH_PIECE) {
      const piece = bytes.subarray(start, start + HASH_PIECE);
      const free = this.#slots.length < SLOTS ? undefined : await this.#slots.shift();
      const slot = new Uint8Array(free?.buffer ?? new ArrayBuffer(HASH_PIECE), 0, piece.byteLength);
      slot.set(piece);
      this.#slots.push(this.lend(slot));
    }
  }

  /** The digest of everything. */
  async digest(): Promise<Digest> {
    const digest = await this.#ask({ end: true });
    this.#isWhole = true;
    return digestFromHash(this.#algorithm, Buffer.from(digest));
  }

  /** Gives the thread back. */
  close(): void {
    this.#worker.off('message', this.#onAnswer).off('error', this.#onError).off('exit', this.#onExit);
    this.#worker.unref();
    this.#onClose(this.#isWhole);
  }

  #ask(order: Order, transferred?: ArrayBuffer[]): Promise<Uint8Array> {
    const answer = new Promise<Uint8Array>((resolve, reject) => {
      if (this.#failure !== undefined) throw this.#failure.error;
      try {
        this.#post(order, transferred);
      } catch (error) {
        // What follows would be hashed without it.
        this.#onError(error);
        throw error;
      }
      this.#waiting.push({ resolve, reject });
    });
    // Thrown where it is awaited; who was left by then has another failure.
    answer.catch(() => {});
    return answer;
  }

  #post(order: Order, transferred: ArrayBuffer[] = []): void {
    this.#worker.postMessage(order, transferred);
  }

  readonly #onAnswer = (answer: Answer): void => {
    if ('ready' in answer) return;
    this.#waiting.shift()?.resolve('digest' in answer ? answer.digest : answer.hashed);
  };

  readonly #onError = (error: unknown): void => {
    this.#failure ??= { error };
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  };

  readonly #onExit = (): void => this.#onError(new Error('a thread ended in the middle of its work'));
}

/** Undefined if the program cannot be loaded. `onExit` is called when the thread has ended, whoever ended it. */
function start(url: URL, algorithm: Algorithm, onExit: () => void): Promise<Worker | undefined> {
  return new Promise((resolve) => {
    const worker = new Worker(url, QUIET);
    worker.once('exit', onExit);
    const settle = (outcome: Worker | undefined) => {
      worker.off('message', onMessage).off('error', onError);
      // Nobody listens between two contents; the next one gets a new thread then.
      worker.on('error', () => {});
      worker.unref();
      resolve(outcome);
    };
    const onMessage = () => settle(worker);
    const onError = () => settle(undefined);
    worker.on('message', onMessage).on('error', onError);
    worker.postMessage({ start: algorithm });
  });
}
