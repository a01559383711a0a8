import { StowageError } from '../errors.js';
import { blobNotFound, rangeOf } from '../content/read-range.js';
import type { PutOptions, Reader, Target, Writer } from '../content/store.js';
import { chunksOf, type ByteSource, type Bytes } from '../io/byte-source.js';
import { createHasher } from '../io/hash.js';
import { verifying } from '../io/verify.js';
import type { Digest } from '../oci/digest.js';
import { MANIFEST_LIMIT } from '../oci/json.js';

/** Documents of one archive that are kept, in bytes. A manifest has a few kilobytes. */
export const DOCUMENTS_LIMIT = 64 * 1024 * 1024;

const OPENING_BRACE = 0x7b;

/** So little is kept whatever it looks like, so that a document that is none can be said to be none. */
const SMALL_BYTES = 4096;

/**
 * Takes in what a pipe brings as a store would, so that everything is verified, but keeps no more of it than a plan
 * needs: what looks like a JSON object, or is small, in memory. Of everything else it knows digest and size.
 */
export class DocumentsOnly implements Reader, Writer {
  readonly #archive: string;
  /** Size in bytes of what came by, and the bytes of what was kept. */
  readonly #seen = new Map<Digest, { readonly size: number; readonly bytes?: Uint8Array }>();
  #kept = 0;

  constructor(archive: string) {
    this.#archive = archive;
  }

  claim(targets: readonly Target[]): Promise<ReadonlySet<Digest>> {
    return Promise.resolve(
      new Set(targets.map(({ digest }) => digest).filter((digest) => this.#seen.has(digest))),
    );
  }

  async put(
    target: Target | undefined,
    open: () => ByteSource | Promise<ByteSource>,
    { signal, algorithm = 'sha256', onBytes }: PutOptions = {},
  ) {
    const source = chunksOf(await open(), { signal });
    const what = target === undefined ? 'content' : `blob ${JSON.stringify(target.digest)}`;
    const proven = target === undefined ? source : verifying(source, target, { what, code: 'MISMATCH' });
    // Whoever says no digest is told the one the content has.
    const hasher = target === undefined ? createHasher(algorithm) : undefined;
    const kept = new Document();
    let size = 0;
    for await (const chunk of proven) {
      size += chunk.byteLength;
      hasher?.update(chunk);
      onBytes?.(chunk.byteLength);
      kept.add(chunk);
    }
    const digest = hasher?.digest() ?? target?.digest;
    if (digest === undefined)
      throw new TypeError('content has either a digest that is told or one that is made');
    if (!this.#seen.has(digest)) this.#keep(digest, size, kept.bytes);
    return { digest, size, existed: false };
  }

  stat({ digest }: Target): Promise<{ readonly digest: Digest; readonly size: number } | undefined> {
    const seen = this.#seen.get(digest);
    return Promise.resolve(seen && { digest, size: seen.size });
  }

  async *read({ digest }: Target, { range, signal }: Parameters<Reader['read']>[1] = {}): Bytes {
    const seen = this.#seen.get(digest);
    if (seen === undefined) throw blobNotFound(digest);
    if (seen.bytes === undefined) {
      throw new StowageError(
        'UNSUPPORTED',
        `Cannot plan the import of ${this.#archive}: blob ${JSON.stringify(digest)} would have to be read again, ` +
          'and a pipe gives it once',
        { detail: { digest }, hint: 'plan it from a file, or import it' },
      );
    }
    const { start, end } = range === undefined ? { start: 0, end: seen.size } : rangeOf(range, seen.size);
    yield* chunksOf(seen.bytes.subarray(start, end), { signal });
  }

  #keep(digest: Digest, size: number, bytes: Uint8Array | undefined): void {
    this.#kept += bytes?.byteLength ?? 0;
    if (this.#kept > DOCUMENTS_LIMIT) {
      throw new StowageError(
        'LIMIT_EXCEEDED',
        `Cannot plan the import of ${this.#archive}: its documents have more than ${DOCUMENTS_LIMIT} bytes together`,
        { hint: 'plan it from a file, which can be read again' },
      );
    }
    this.#seen.set(digest, bytes === undefined ? { size } : { size, bytes });
  }
}

/** Collects bytes for as long as they may be a document. */
class Document {
  #chunks: Uint8Array[] | undefined = [];
  #size = 0;
  /** The first byte that is no white space. */
  #first: number | undefined;

  add(chunk: Uint8Array): void {
    if (this.#chunks === undefined) return;
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    this.#first ??= chunk.find((byte) => !WHITE_SPACE.has(byte));
    const limit = (this.#first ?? OPENING_BRACE) === OPENING_BRACE ? MANIFEST_LIMIT : SMALL_BYTES;
    if (this.#size > limit) this.#chunks = undefined;
  }

  get bytes(): Uint8Array | undefined {
    return this.#chunks && Buffer.concat(this.#chunks);
  }
}

const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
