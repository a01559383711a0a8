import { availableParallelism } from 'node:os';
import type { Digest } from '../oci/digest.js';
import { copySlice, type CopyJob, type CopyJobOptions } from './copy-slice.js';
import { CopyWorkers } from './copy-workers.js';
import { HashThread } from './hash-thread.js';

export interface CopyLanesOptions {
  /**
   * Threads that copy and hash what is large and lies in files, beside the one this is called on; 0 for none.
   * @default one less than there are processors, up to 3
   */
  readonly workers?: number | undefined;
  /** The program of these threads, for bundlers that move it. @default `copy-worker.js` beside the module that starts it */
  readonly workerUrl?: URL | undefined;
}

const MOST_WORKERS = 3;

/** To wait for a lane, and to start a thread for it, takes as long as to copy this much. */
export const BYTES_WORTH_A_LANE = 8 << 20;

type LaneKind = 'here' | 'thread';

/** A place in which one slice at a time is copied. */
export interface Lane {
  readonly copy: (job: CopyJob, options?: CopyJobOptions) => Promise<Digest>;
  /** Lets the next one in. To be called once. */
  readonly leave: () => void;
}

/**
 * Who copies and hashes what is large: this thread, one at a time, with its reads and writes done by others while it
 * hashes; and threads beside it, which do a blob each all by themselves. So a single blob starts no thread and is hashed
 * while it is read and written, and several keep all processors busy. Those beyond wait for their turn.
 */
export class CopyLanes implements AsyncDisposable {
  /** Hashes what comes from elsewhere than a file. */
  readonly hashing: Pick<HashThread, 'take'>;
  readonly #hashing: HashThread;
  readonly #workers: CopyWorkers;
  readonly #threads: number;
  readonly #free: LaneKind[];
  readonly #waiting: ((lane: LaneKind) => void)[] = [];

  constructor({ workers, workerUrl }: CopyLanesOptions = {}) {
    const threads = workers ?? Math.min(availableParallelism() - 1, MOST_WORKERS);
    this.#threads = threads;
    this.#hashing = new HashThread(workerUrl);
    this.hashing = threads > 0 ? this.#hashing : { take: async () => undefined };
    this.#workers = new CopyWorkers({ workers: threads, workerUrl });
    this.#free = ['here', ...Array.from({ length: threads }, (): LaneKind => 'thread')];
  }

  /**
   * Copies or hashes a slice: a small one at once on this thread, a large one when a lane is free for it. Nothing is
   * synced, and nothing is in flight when it settles.
   *
   * @returns the digest of the slice, with what was kept in the place of its beginning.
   * @throws {StowageError} as {@link copySlice}.
   */
  async copy(job: CopyJob, options: CopyJobOptions = {}): Promise<Digest> {
    const lane = await this.enter(job.from.length);
    try {
      return await lane.copy(job, options);
    } finally {
      lane.leave();
    }
  }

  /**
   * The same for whoever has something to do before, like making the file that is copied to: waits until a lane is free
   * for so many bytes. If it is a thread, that starts meanwhile. To be left in any case.
   */
  async enter(bytes: number): Promise<Lane> {
    if (bytes < BYTES_WORTH_A_LANE) return { copy: copySlice, leave: () => {} };
    const lane =
      this.#free.shift() ?? (await new Promise<LaneKind>((resolve) => this.#waiting.push(resolve)));
    const leave = () => this.#leave(lane);
    if (lane === 'here') return { copy: copySlice, leave };
    this.#workers.prepare(this.#threads - this.#free.filter((free) => free === 'thread').length);
    return { copy: (job, options) => this.#workers.copy(job, options), leave };
  }

  #leave(lane: LaneKind): void {
    const next = this.#waiting.shift();
    if (next !== undefined) next(lane);
    else if (lane === 'here') this.#free.unshift(lane);
    else this.#free.push(lane);
  }

  /** Ends the threads; no work may be under way. Alias of disposal. */
  async close(): Promise<void> {
    await Promise.all([this.#workers.close(), this.#hashing.close()]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
