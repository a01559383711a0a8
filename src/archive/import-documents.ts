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

/** So much of everything is kept: it tells how a layer is compressed, and that a small document is none. */
const HEAD_BYTES = 512;

/**
 * Takes in what a pipe brings as a store would, so that everything is verified, but keeps no more of it than a plan
 * needs, in memory: what looks like a JSON object, and the first bytes of everything else.
 */
export class DocumentsOnly implements Reader, Writer {
  readonly #archive: string;
  /** Size in bytes of what came by, and what was kept of it from its start. */
  readonly #seen = new Map<Digest, { readonly size: number; readonly head: Uint8Array }>();
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
    const kept = new Head();
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
    if (!this.#seen.has(digest)) this.#keep(digest, size, kept.bytes());
    return { digest, size, existed: false };
  }

  stat({ digest }: Target): Promise<{ readonly digest: Digest; readonly size: number } | undefined> {
    const seen = this.#seen.get(digest);
    return Promise.resolve(seen && { digest, size: seen.size });
  }

  async *read({ digest }: Target, { range, signal }: Parameters<Reader['read']>[1] = {}): Bytes {
    const seen = this.#seen.get(digest);
    if (seen === undefined) throw blobNotFound(digest);
    const { start, end } = range === undefined ? { start: 0, end: seen.size } : rangeOf(range, seen.size);
    if (end > seen.head.byteLength) {
      throw new StowageError(
        'UNSUPPORTED',
        `Cannot plan the import of ${this.#archive}: blob ${JSON.stringify(digest)} would have to be read again, ` +
          'which a pipe, or a compressed archive, does not allow',
        { detail: { digest }, hint: 'plan it from a file that is not compressed, or import it' },
      );
    }
    yield* chunksOf(seen.head.subarray(start, end), { signal });
  }

  #keep(digest: Digest, size: number, head: Uint8Array): void {
    this.#kept += head.byteLength;
    if (this.#kept > DOCUMENTS_LIMIT) {
      throw new StowageError(
        'LIMIT_EXCEEDED',
        `Cannot plan the import of ${this.#archive}: its documents have more than ${DOCUMENTS_LIMIT} bytes together`,
        { hint: 'plan it from a file, which can be read again' },
      );
    }
    this.#seen.set(digest, { size, head });
  }
}

/** Collects the first bytes of a blob, all of them while it may be a document. */
class Head {
  #chunks: Uint8Array[] = [];
  #size = 0;
  /** The first byte that is no white space. */
  #first: number | undefined;
  #isOver = false;

  add(chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#chunks.push(chunk);
    this.#size += chunk.byteLength;
    this.#first ??= chunk.find((byte) => !WHITE_SPACE.has(byte));
    const isDocument = (this.#first ?? OPENING_BRACE) === OPENING_BRACE && this.#size <= MANIFEST_LIMIT;
    if (isDocument || this.#size < HEAD_BYTES) return;
    // A copy, since a part of a chunk would keep all of it.
    this.#chunks = [Uint8Array.from(Buffer.concat(this.#chunks).subarray(0, HEAD_BYTES))];
    this.#isOver = true;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks);
  }
}

const WHITE_SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d]);
