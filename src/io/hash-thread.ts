import { Worker } from 'node:worker_threads';
import { QUIET } from './copy-workers.js';
import { digestFromHash, type Algorithm, type Digest } from '../oci/digest.js';

/** Pieces that may wait to be hashed. */
const SLOTS = 4;

/** Bytes that are handed over at once. */
export const HASH_PIECE = 2 << 20;

/** As copy-worker.js has it. */
type Answer = { readonly ready: true } | { readonly hashed: true } | { readonly digest: Uint8Array };

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
    this.#starting ??= start(this.#url, algorithm);
    const worker = await this.#starting;
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

/** Hashes in another thread. Calls are made one after the other, and `close` at the end, whatever happened. */
export class ThreadHasher {
  readonly #worker: Worker;
  readonly #algorithm: Algorithm;
  readonly #onClose: (isWhole: boolean) => void;
  readonly #slots = Array.from({ length: SLOTS }, () => new Uint8Array(new SharedArrayBuffer(HASH_PIECE)));
  #sent = 0;
  #hashed = 0;
  #digest: Uint8Array | undefined;
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(worker: Worker, algorithm: Algorithm, onClose: (isWhole: boolean) => void) {
    this.#worker = worker;
    this.#algorithm = algorithm;
    this.#onClose = onClose;
    worker.on('message', this.#onAnswer).on('error', this.#onError).on('exit', this.#onExit);
    worker.ref();
    worker.postMessage({ start: algorithm });
  }

  /** Resolves when the bytes may change again; they are copied, and hashed in their order. */
  async update(bytes: Uint8Array): Promise<void> {
    for (let start = 0; start < bytes.byteLength; start += HASH_PIECE) {
      const piece = bytes.subarray(start, start + HASH_PIECE);
      await this.#until(() => this.#sent - this.#hashed < SLOTS);
      const slot = this.#slots[this.#sent % SLOTS]?.subarray(0, piece.byteLength);
      slot?.set(piece);
      this.#sent += 1;
      this.#worker.postMessage({ piece: slot });
    }
  }

  /** The digest of everything; to be called once, at the end. */
  async digest(): Promise<Digest> {
    this.#worker.postMessage({ end: true });
    await this.#until(() => this.#digest !== undefined);
    return digestFromHash(this.#algorithm, Buffer.from(this.#digest ?? []));
  }

  /** Gives the thread back. */
  close(): void {
    this.#worker.off('message', this.#onAnswer).off('error', this.#onError).off('exit', this.#onExit);
    this.#worker.unref();
    this.#onClose(this.#digest !== undefined);
  }

  readonly #onAnswer = (answer: Answer): void => {
    if ('digest' in answer) this.#digest = answer.digest;
    else if ('hashed' in answer) this.#hashed += 1;
    this.#wakeUp();
  };

  readonly #onError = (error: unknown): void => {
    this.#failure ??= { error };
    this.#wakeUp();
  };

  readonly #onExit = (): void => this.#onError(new Error('a thread ended in the middle of its work'));

  #wakeUp(): void {
    this.#wake?.();
    this.#wake = undefined;
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (this.#failure === undefined && !isSo()) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}

/** Undefined if the program cannot be loaded. */
function start(url: URL, algorithm: Algorithm): Promise<Worker | undefined> {
  return new Promise((resolve) => {
    const worker = new Worker(url, QUIET);
    const settle = (outcome: Worker | undefined) => {
      worker.off('message', onMessage).off('error', onError);
      // Nobody listens between two contents; what happens then is found out by the next one.
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
