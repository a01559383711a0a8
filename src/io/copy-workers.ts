import { Worker } from 'node:worker_threads';
import { digestFromHash, type Digest } from '../oci/digest.js';
import { endsEarly } from './byte-source.js';
import { copySlice, type CopyJob, type CopyJobOptions, type CopySide } from './copy-slice.js';

export interface CopyWorkersOptions {
  /** How many threads at most; 0 for none, so that everything is done on this one. */
  readonly workers: number;
  /** The program of the threads, for bundlers that move it. @default `copy-worker.js` beside this module */
  readonly workerUrl?: URL | undefined;
}

/**
 * A thread's own standard streams are not needed, and Node would pipe them into those of the process: which makes these,
 * and listens to their errors in the place of whoever writes to them.
 */
export const QUIET = { stdout: true, stderr: true } as const;

/** As copy-worker.js has it. */
type Answer =
  | { readonly done: number }
  | { readonly digest: Uint8Array }
  | { readonly endsAt: number; readonly side: CopySide }
  | { readonly stopped: true }
  | { readonly failure: { readonly message: string; readonly code?: string }; readonly side: CopySide };

/**
 * Threads that hash stretches of files, and copy them on the way, without a byte passing through this one. They are
 * started when they are needed, do one job each, and keep the process alive only while they do. Where the program of
 * the threads cannot be loaded (a bundle without it), the work is done on this thread: slower, and the same.
 */
export class CopyWorkers implements AsyncDisposable {
  readonly #limit: number;
  readonly #url: URL;
  readonly #all = new Set<Worker>();
  readonly #idle: Worker[] = [];
  readonly #waiting: (() => void)[] = [];
  #canLoad = true;

  constructor({ workers, workerUrl }: CopyWorkersOptions) {
    this.#limit = workers;
    this.#url = workerUrl ?? new URL('./copy-worker.js', import.meta.url);
  }

  /**
   * Copies or hashes a slice; jobs beyond the number of threads wait. Nothing is synced, and nothing is in flight when it
   * settles.
   *
   * @returns the digest of the slice.
   * @throws {StowageError} as {@link copySlice}.
   */
  async copy(job: CopyJob, options: CopyJobOptions = {}): Promise<Digest> {
    options.signal?.throwIfAborted();
    // What stands in for a file, as tests have it, is nothing another thread could use.
    const haveDescriptors = [job.from, job.to].every(
      (side) => side === undefined || Number.isInteger(side.file.fd),
    );
    if (this.#limit === 0 || !haveDescriptors) return copySlice(job, options);
    const worker = await this.#take();
    try {
      options.signal?.throwIfAborted();
      const result = this.#canLoad ? await runJob(worker, job, options) : 'not loaded';
      if (result !== 'not loaded') return result;
      this.#canLoad = false;
      return await copySlice(job, options);
    } finally {
      this.#giveBack(worker);
    }
  }

  /** Starts threads until there are so many, or as many as may be, for jobs that are about to come. */
  prepare(count: number): void {
    while (this.#canLoad && this.#all.size < Math.min(count, this.#limit)) this.#idle.push(this.#start());
  }

  /** Ends the threads; no job may be running. Alias of disposal. */
  async close(): Promise<void> {
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #take(): Promise<Worker> {
    for (;;) {
      const idle = this.#idle.pop();
      if (idle !== undefined) return idle;
      if (this.#all.size < this.#limit) {
        return this.#start();
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#url, QUIET);
    this.#all.add(worker);
    // One that failed is not given another job; what failed in it is told by the job it had.
    const forget = () => {
      this.#all.delete(worker);
      if (this.#idle.includes(worker)) this.#idle.splice(this.#idle.indexOf(worker), 1);
    };
    worker.on('error', forget).on('exit', forget);
    worker.unref();
    return worker;
  }

  #giveBack(worker: Worker): void {
    if (this.#all.has(worker)) this.#idle.push(worker);
    this.#waiting.shift()?.();
  }
}

function runJob(
  worker: Worker,
  { from, to, algorithm }: CopyJob,
  { signal, onBytes, explain = (error) => error }: CopyJobOptions,
): Promise<Digest | 'not loaded'> {
  const stop = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const onAbort = () => Atomics.store(stop, 0, 1);
  signal?.addEventListener('abort', onAbort);
  return new Promise<Digest | 'not loaded'>((resolve, reject) => {
    let hasAnswered = false;
    const settle = (act: () => void) => {
      worker.off('message', onAnswer).off('error', onError).off('exit', onExit);
      worker.unref();
      act();
    };
    const onAnswer = (answer: Answer) => {
      hasAnswered = true;
      if ('done' in answer) onBytes?.(answer.done);
      else if ('digest' in answer)
        settle(() => resolve(digestFromHash(algorithm, Buffer.from(answer.digest))));
      else if ('stopped' in answer) settle(() => reject(signal?.reason));
      else if ('endsAt' in answer) {
        const slice = answer.side === 'from' ? from : { offset: to?.at ?? 0, length: to?.kept ?? 0 };
        settle(() => reject(endsEarly(slice, answer.endsAt)));
      } else {
        const error = Object.assign(new Error(answer.failure.message), answer.failure);
        settle(() => reject(explain(error, answer.side)));
      }
    };
    // Before its first answer it is the program that cannot be loaded.
    const onError = (error: unknown) => settle(() => (hasAnswered ? reject(error) : resolve('not loaded')));
    const onExit = () => settle(() => reject(new Error('a thread ended in the middle of its work')));
    worker.on('message', onAnswer).on('error', onError).on('exit', onExit);
    worker.ref();
    worker.postMessage({
      from: from.file.fd,
      position: from.offset,
      length: from.length,
      to: to && { file: to.file.fd, at: to.at, kept: to.kept ?? 0 },
      algorithm,
      stop,
    });
  }).finally(() => signal?.removeEventListener('abort', onAbort));
}
