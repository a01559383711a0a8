import { setTimeout as sleep } from 'node:timers/promises';

/** How long somebody waits for the write lock before it is an error, in milliseconds. */
export const LOCK_PATIENCE = 60_000;

const FIRST_DELAY = 2;
const LONGEST_DELAY = 100;

/**
 * Random delays that double, so that processes which met at a lock do not meet there again. Patience, in milliseconds,
 * begins with the first look at it: who meets nobody needs no clock, which takes Node a while to load.
 */
export class Backoff {
  readonly #patience: number;
  #limit = FIRST_DELAY;
  #deadline: number | undefined;

  constructor(patience = Infinity) {
    this.#patience = patience;
  }

  /** Whether there is no patience left. */
  isOver(): boolean {
    const now = performance.now();
    this.#deadline ??= now + this.#patience;
    return now > this.#deadline;
  }

  async wait(): Promise<void> {
    const delay = 1 + Math.random() * this.#limit;
    this.#limit = Math.min(this.#limit * 2, LONGEST_DELAY);
    await sleep(delay);
  }
}
