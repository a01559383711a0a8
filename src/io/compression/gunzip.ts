import { createGunzip } from 'node:zlib';
import type { Bytes } from '../byte-source.js';
import type { CodecInput } from './codec-input.js';
import { trailing, type Subject } from './errors.js';
import { through } from './through.js';

/** The default of 16 KiB is half as fast. */
const CHUNK_BYTES = 1 << 20;

/**
 * Decodes gzip (RFC 1952), any number of members, checking length and CRC of each. Zeros after the last member are
 * padding, as tapes leave it; anything else there is INVALID.
 */
export async function* gunzip(input: CodecInput, subject: Subject): Bytes {
  const decoder = createGunzip({ chunkSize: CHUNK_BYTES });
  const fed = new Fed(input);
  yield* through(fed.chunks(), decoder);
  // The decoder ends by itself at the first zero after a member, and leaves it to us to look at the rest.
  const rest = fed.last.subarray(fed.last.byteLength - (fed.bytes - decoder.bytesWritten));
  if (!isZero(rest)) throw trailing(subject);
  for await (const chunk of input) {
    if (!isZero(chunk)) throw trailing(subject);
  }
}

/** Passes chunks on without closing their source, and keeps the last. */
class Fed {
  readonly #input: CodecInput;
  bytes = 0;
  last: Uint8Array = new Uint8Array(0);

  constructor(input: CodecInput) {
    this.#input = input;
  }

  async *chunks(): Bytes {
    for (;;) {
      const step = await this.#input.next();
      if (step.done) return;
      this.last = step.value;
      this.bytes += step.value.byteLength;
      yield step.value;
    }
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}
