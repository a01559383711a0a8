import { isStowageError } from '../../errors.js';
import { chunksOf, readFully, type Bytes, type FileSlice } from '../../io/byte-source.js';
import { decompressing } from '../../io/compression/decompress.js';
import { DETECTION_BYTES, detectCompression, type Compression } from '../../io/compression/detect.js';
import type { CopyLanes } from '../../io/copy-lanes.js';
import { createHasher } from '../../io/hash.js';
import { algorithmOf, type Algorithm, type Digest } from '../../oci/digest.js';

/** What one run through the bytes of a file tells. */
export interface Observed {
  /** In bytes. */
  readonly size: number;
  readonly digest: Digest;
  readonly compression: Compression;
  /** The digest of what comes out when it is decompressed, its own if it is not compressed; or why there is none. */
  readonly content: Content;
  /** Its bytes, where they were to be kept and fit. */
  readonly bytes?: Uint8Array;
}

export type Content =
  | { readonly digest: Digest }
  /** `unknown`: it may be fine, only it cannot be read here. */
  | { readonly problem: string; readonly unknown: boolean };

export interface ObserveOptions {
  /** Of the digest. @default 'sha256' */
  readonly algorithm?: Algorithm | undefined;
  /** Keep the bytes if they are no more than this, and begin like a JSON document. @default 0 */
  readonly keep?: number | undefined;
  readonly onBytes?: ((count: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads a file once, from front to back: its digest, its size, and, decompressing it on the way, the digest of what
 * is in it, with SHA-256. Memory does not grow with the file, but for what is kept.
 *
 * @throws what the source throws; damage inside the compressed data is no failure but part of the answer.
 */
export async function observe(source: Bytes, options: ObserveOptions = {}): Promise<Observed> {
  const { algorithm = 'sha256', keep = 0, signal } = options;
  const tap = new Tap(source, { algorithm, keep, onBytes: options.onBytes });
  const inner = createHasher('sha256');
  let compression: Compression = 'none';
  let problem: Extract<Content, { problem: string }> | undefined;
  try {
    const opened = await decompressing(tap, { signal, what: 'it' });
    compression = opened.compression;
    if (compression === 'none' && algorithm === 'sha256') await opened.close();
    else for await (const chunk of opened.bytes) inner.update(chunk);
  } catch (error) {
    signal?.throwIfAborted();
    if (tap.failure !== undefined) throw tap.failure.error;
    if (!isStowageError(error)) throw error;
    const unknown = error.code === 'UNSUPPORTED' || error.code === 'LIMIT_EXCEEDED';
    const reason = error.message.replace(/^Cannot decompress it: (?:it |its )?/, '');
    problem = { problem: reason, unknown };
    const stated = error.detail['compression'];
    if (typeof stated === 'string') compression = stated as Compression;
  }
  const { size, digest, bytes } = await tap.finish();
  const whole = compression === 'none' && algorithmOf(digest) === 'sha256';
  return {
    size,
    digest,
    compression,
    content: problem ?? { digest: whole ? digest : inner.digest() },
    ...(bytes === undefined ? {} : { bytes }),
  };
}

/**
 * The same of a stretch of a file, which is read with `lanes` where it is not compressed. Nothing of it is kept.
 *
 * @throws what reading the file throws.
 */
export async function observeSlice(
  slice: FileSlice,
  lanes: CopyLanes,
  options: Omit<ObserveOptions, 'keep'>,
): Promise<Observed> {
  const { algorithm = 'sha256', onBytes, signal } = options;
  const head = Buffer.alloc(Math.min(DETECTION_BYTES, slice.length));
  const isPlain = detectCompression(await readFully(slice, slice.offset, head)) === 'none';
  if (!isPlain || algorithm !== 'sha256') return observe(chunksOf(slice, { signal }), options);
  const digest = await lanes.copy({ from: slice, algorithm }, { signal, onBytes });
  return { size: slice.length, digest, compression: 'none', content: { digest } };
}

/** Hashes what is read through it. Whoever reads from it may stop; `finish` reads the rest. */
class Tap implements AsyncIterable<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #hasher;
  readonly #keep: number;
  readonly #onBytes: ((count: number) => void) | undefined;
  readonly #kept: Uint8Array[] = [];
  #keeping: boolean;
  #size = 0;
  #last: Promise<IteratorResult<Uint8Array, undefined>> | undefined;
  failure: { readonly error: unknown } | undefined;

  constructor(
    source: Bytes,
    options: { algorithm: Algorithm; keep: number; onBytes: ((count: number) => void) | undefined },
  ) {
    this.#chunks = source[Symbol.asyncIterator]();
    this.#hasher = createHasher(options.algorithm);
    this.#keep = options.keep;
    this.#keeping = options.keep > 0;
    this.#onBytes = options.onBytes;
  }

  /** It has no `return`: the end of its reader is not its own. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.#next() };
  }

  async finish(): Promise<{ size: number; digest: Digest; bytes?: Uint8Array }> {
    // A decoder that stopped may have asked for one more chunk.
    await this.#last;
    while (!(await this.#next()).done);
    const bytes = this.#keeping ? { bytes: Buffer.concat(this.#kept) } : {};
    return { size: this.#size, digest: this.#hasher.digest(), ...bytes };
  }

  #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#last = this.#read();
    return this.#last;
  }

  async #read(): Promise<IteratorResult<Uint8Array, undefined>> {
    try {
      const step = await this.#chunks.next();
      if (step.done) return { done: true, value: undefined };
      this.#hasher.update(step.value);
      this.#size += step.value.byteLength;
      if (this.#keeping) this.#keepChunk(step.value);
      this.#onBytes?.(step.value.byteLength);
      return { done: false, value: step.value };
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }

  #keepChunk(chunk: Uint8Array): void {
    // Copied: a small document is not to keep the large chunk alive that it came in.
    this.#kept.push(new Uint8Array(chunk));
    const first = this.#kept.find(({ byteLength }) => byteLength > 0);
    const isJson =
      first === undefined || /^\s*(?:[{[]|$)/.test(Buffer.from(first.subarray(0, 64)).toString('latin1'));
    if (this.#size <= this.#keep && isJson) return;
    this.#keeping = false;
    this.#kept.length = 0;
  }
}
