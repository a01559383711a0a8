/**
 * The contract of a place that holds content-addressed blobs; interfaces only.
 *
 * The life of a blob: somebody announces it (`claim`), its bytes are written (`put`: hashed while they are written,
 * synced, then visible under their digest in one step), it is read (`read`: hashed while it is read), labelled, and
 * at last deleted. A blob is never visible before it is whole, and never changes once it is visible.
 *
 * Import, export, copy and verify use nothing but these interfaces. What a place can do beyond them is a further
 * interface; no method throws "not implemented".
 */
import type { Algorithm, Digest } from '../oci/digest.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { OutlineMemory } from './outline.js';
import type { ByteSource, Bytes } from '../io/byte-source.js';

/** Options every call takes. An aborted call rejects with `signal.reason`, unchanged. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What identifies content to a store: a descriptor, or as much of one as is known. */
export type Target = Pick<Descriptor, 'digest'> & Partial<Pick<Descriptor, 'size' | 'mediaType'>>;

export type Labels = Readonly<Record<string, string>>;

/** What a store knows about a committed blob. Times are when it was committed and last relabelled here. */
export interface BlobInfo {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  readonly labels: Labels;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface ReadOptions extends CallOptions {
  /**
   * Only these bytes. `offset` defaults to 0; a `length` that reaches past the end is cut there, so exactly the blob
   * comes. Bytes of a part cannot be verified against the digest.
   */
  readonly range?: { readonly offset?: number; readonly length?: number };
}

export interface Reader {
  /** What is known about a blob that is held, or undefined. Never reads the content. */
  stat(
    target: Target,
    options?: CallOptions,
  ): Promise<{ readonly digest: Digest; readonly size: number } | undefined>;
  /**
   * The bytes of a blob, verified: a whole blob is hashed and counted while it is read, and iteration rejects at the
   * end, before the last chunk is handed out, if digest or size differ.
   *
   * Iteration rejects with NOT_FOUND if the blob is not held; CORRUPT (a store of our own) or MISMATCH (anywhere
   * else) if the content is not what its digest says.
   */
  read(target: Target, options?: ReadOptions): Bytes;
}

export interface PutOptions extends CallOptions {
  /** Merged into the labels of the blob in the step that commits it, also when it was already held. */
  readonly labels?: Labels;
  /** Algorithm to address the content by where no digest is given. @default 'sha256' */
  readonly algorithm?: Algorithm;
  /** Called with every number of bytes that was taken in, for progress. */
  readonly onBytes?: (count: number) => void;
}

/** The outcome of a put. */
export interface Stored {
  readonly digest: Digest;
  readonly size: number;
  /** Whether the blob was held before, so that no byte was needed. */
  readonly existed: boolean;
}

export interface Writer {
  /**
   * Says which of these blobs are held *and*, in the same step, puts those under the lease the store is viewed with,
   * so that they stay. One indexed look-up, whatever their number. A blob whose recorded size differs from the
   * descriptor's is not held.
   */
  claim(targets: readonly Target[], options?: CallOptions): Promise<ReadonlySet<Digest>>;
  /**
   * When it resolves, the content *is* stored: verified, synced, visible under its digest and under the lease, not
   * necessarily by this call. `open` is called only if bytes are needed, and again only if a backend retries.
   *
   * With a target, its digest and (where given) size are checked; without, the content gets the digest it has.
   *
   * @throws {StowageError} MISMATCH if digest or size differ: nothing is stored then. Whatever `open` or its
   *   iteration throws passes through unchanged.
   */
  put(
    target: Target | undefined,
    open: () => ByteSource | Promise<ByteSource>,
    options?: PutOptions,
  ): Promise<Stored>;
}

/** New values for labels; `null` takes a label away. Labels that are not named stay. */
export type LabelChanges = Readonly<Record<string, string | null>>;

export interface ListOptions extends CallOptions {
  /** Only entries whose key (digest or name) sorts after this one, bytewise. */
  readonly after?: string;
}

export interface Catalog {
  /** Every blob, ascending by digest; blobs that come or go meanwhile may or may not be seen. */
  list(options?: ListOptions): AsyncIterable<BlobInfo>;
  info(digest: Digest, options?: CallOptions): Promise<BlobInfo | undefined>;
  /**
   * Changes labels of one blob in one step.
   * @throws {StowageError} NOT_FOUND if it is not held; INVALID if a label is longer than allowed (LABEL_LIMIT).
   */
  setLabels(digest: Digest, changes: LabelChanges, options?: CallOptions): Promise<BlobInfo>;
  /** Forgets a blob in this namespace; false if it was not there. */
  delete(digest: Digest, options?: CallOptions): Promise<boolean>;
}

/** A local store of blobs: all three. Some remember outlines as well. */
export interface ContentStore extends Reader, Writer, Catalog, Partial<OutlineMemory> {}
