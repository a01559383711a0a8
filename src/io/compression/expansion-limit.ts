import { tooMuch, type Subject } from './errors.js';

/** The most bytes that come out of one decompression: more than any image archive, less than would never end. */
export const MAX_EXPANDED_BYTES = 2 ** 40;

/** How many times its size compressed data may become; gzip cannot reach it. */
export const MAX_EXPANSION_RATIO = 2000;

/**
 * So many bytes may come out whatever their ratio. Images are full of zeros, which become thousands of times smaller,
 * and since no output is ever kept in memory, a ratio alone does no harm.
 */
export const EXPANSION_GRACE_BYTES = 64 * 2 ** 30;

/** What a decompression may become; each has its default among the constants of this file. */
export interface ExpansionLimit {
  readonly maxBytes?: number | undefined;
  readonly maxRatio?: number | undefined;
  /** Output below this is not held against `maxRatio`. */
  readonly graceBytes?: number | undefined;
}

/** Counts output and holds it against the limit. */
export class ExpansionMeter {
  readonly #maxBytes: number;
  readonly #maxRatio: number;
  readonly #graceBytes: number;
  readonly #subject: Subject;
  #produced = 0;

  constructor(limit: ExpansionLimit, subject: Subject) {
    this.#maxBytes = limit.maxBytes ?? MAX_EXPANDED_BYTES;
    this.#maxRatio = limit.maxRatio ?? MAX_EXPANSION_RATIO;
    this.#graceBytes = limit.graceBytes ?? EXPANSION_GRACE_BYTES;
    this.#subject = subject;
  }

  /**
   * Counts `produced` more bytes out of `consumed` bytes in all.
   *
   * @throws {StowageError} LIMIT_EXCEEDED once there are too many.
   */
  count(produced: number, consumed: number): void {
    this.#produced += produced;
    if (this.#produced > this.#maxBytes) {
      throw tooMuch(this.#subject, `it becomes more than the ${this.#maxBytes} bytes that are accepted`, {
        maxBytes: this.#maxBytes,
      });
    }
    if (this.#produced > this.#graceBytes && this.#produced > this.#maxRatio * consumed) {
      throw tooMuch(
        this.#subject,
        `it becomes more than ${this.#maxRatio} times its size, and more than ${this.#graceBytes} bytes`,
        { maxRatio: this.#maxRatio, graceBytes: this.#graceBytes },
      );
    }
  }
}
