import { createHasher, type Hasher } from '../../io/hash.js';
import { wrongDigest, wrongSize, type Expected } from '../../io/verify.js';
import type { Algorithm, Digest } from '../../oci/digest.js';

export interface IntakeOptions {
  readonly algorithm: Algorithm;
  readonly expected: Expected | undefined;
  /** Told of bytes that are hashed, of each once, however often they are. */
  readonly onBytes: ((count: number) => void) | undefined;
}

/** Counts and hashes what comes in, and compares it with what was announced. */
export class Intake {
  readonly #options: IntakeOptions;
  #hasher: Hasher;
  #count = 0;
  #hashed = 0;
  #told = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#hasher = createHasher(options.algorithm);
  }

  /** Refuses more than was announced, before any of it is written. */
  count(length: number): void {
    this.#count += length;
    const { expected } = this.#options;
    if (expected?.size !== undefined && this.#count > expected.size) {
      throw wrongSize(expected, naming(expected), { atLeast: this.#count });
    }
  }

  hash(piece: Uint8Array): void {
    this.#hasher.update(piece);
    this.hashedElsewhere(piece.byteLength);
  }

  /** Takes note of bytes that somebody else hashes. */
  hashedElsewhere(count: number): void {
    this.#hashed += count;
    if (this.#hashed <= this.#told) return;
    this.#options.onBytes?.(this.#hashed - this.#told);
    this.#told = this.#hashed;
  }

  /** Forgets what was hashed; what was counted stays. */
  startOver(): void {
    this.#hasher = createHasher(this.#options.algorithm);
    this.#hashed = 0;
  }

  /**
   * @param digest what came out, if all of it was hashed elsewhere.
   * @throws {StowageError} MISMATCH if it is not what was announced.
   */
  finish(digest = this.#hasher.digest()): { readonly digest: Digest; readonly size: number } {
    const { expected } = this.#options;
    if (expected?.size !== undefined && this.#count < expected.size) {
      throw wrongSize(expected, naming(expected), { actual: this.#count });
    }
    if (expected !== undefined && digest !== expected.digest) {
      throw wrongDigest(expected, naming(expected), digest);
    }
    return { digest, size: this.#count };
  }
}

function naming({ digest }: Expected) {
  return { what: `blob ${JSON.stringify(digest)}`, code: 'MISMATCH' } as const;
}
