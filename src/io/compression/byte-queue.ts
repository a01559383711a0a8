import type { Bytes } from '../byte-source.js';

/** Chunks as one run of bytes that is taken from the front; bytes are copied only where they span chunks. */
export class ByteQueue {
  readonly #source: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array(0);

  constructor(source: Bytes) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** What can be looked at without waiting. */
  get held(): Uint8Array {
    return this.#held;
  }

  /** Waits until `count` bytes are held; false if the source ends before. */
  async hold(count: number): Promise<boolean> {
    if (this.#held.byteLength >= count) return true;
    const parts = [this.#held];
    let length = this.#held.byteLength;
    while (length < count) {
      const step = await this.#source.next();
      if (step.done) break;
      parts.push(step.value);
      length += step.value.byteLength;
    }
    // One concatenation however small the chunks are.
    this.#held =
      parts[0]?.byteLength === 0 && parts[1] && parts.length === 2 ? parts[1] : Buffer.concat(parts);
    return length >= count;
  }

  /** Removes the first `count` bytes of those held. */
  take(count: number): Uint8Array {
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }

  /** Removes `count` bytes without holding them; false if the source ends before. */
  async skip(count: number): Promise<boolean> {
    let left = count;
    while (left > this.#held.byteLength) {
      left -= this.#held.byteLength;
      this.#held = new Uint8Array(0);
      if (!(await this.hold(1))) return false;
    }
    this.take(left);
    return true;
  }
}
