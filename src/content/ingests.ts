/**
 * The contract of writes that can be taken up again; interfaces only.
 *
 * An ingest is a write in progress under a reference its writer chose. Whoever opens the reference again goes on where
 * the bytes end, in another process as well, also after a crash. At most one writer has an ingest open at a time.
 */
import type { Digest } from '../oci/digest.js';
import type { CallOptions, ContentStore, Labels, Stored } from './store.js';

/** What is known about a write in progress. */
export interface IngestStatus {
  readonly ref: string;
  /** Bytes that are written. */
  readonly offset: number;
  /** Bytes there will be, where it was said. */
  readonly total: number | undefined;
  /** The digest it is to have, where it was said. */
  readonly expected: Digest | undefined;
  /** When the reference was first opened; going on does not change it. */
  readonly startedAt: Date;
  /** When bytes were last written. */
  readonly updatedAt: Date;
}

export interface IngestOptions extends CallOptions {
  /** Bytes there will be. */
  readonly total?: number | undefined;
  /** The digest the content is to have. Its algorithm is what the bytes are hashed with. @default sha256, any digest */
  readonly expect?: Digest | undefined;
  /** Milliseconds to wait for another writer of the same reference. @default 0 */
  readonly patience?: number | undefined;
}

/** What a commit insists on, and what it records. */
export interface CommitOptions extends CallOptions {
  /** Bytes there must be. @default what the ingest was opened with */
  readonly size?: number | undefined;
  /** The digest there must be, of any known algorithm. @default what the ingest was opened with */
  readonly expect?: Digest | undefined;
  readonly labels?: Labels | undefined;
}

/**
 * An ingest that is open. Its calls are made one after the other.
 *
 * Every one rejects with INVALID once it is closed, and with CONFLICT once somebody has aborted it, at the latest when it
 * is committed.
 */
export interface Ingest extends AsyncDisposable {
  /** As of now; the digest is that of the bytes so far. */
  readonly status: IngestStatus & { readonly digest: Digest };
  /** Appends. The bytes belong to the ingest until it resolves. */
  write(bytes: Uint8Array): Promise<void>;
  /** Throws all bytes away. */
  truncate(): Promise<void>;
  /**
   * Makes the bytes a blob: when it resolves they are stored like after a `put`, and the reference is free and empty,
   * also where the content was held before (`existed`). If it fails the ingest is closed, with its bytes, and may be
   * opened again.
   *
   * @throws {StowageError} MISMATCH if size or digest differ; INVALID if a label is longer than allowed.
   */
  commit(options?: CommitOptions): Promise<Stored>;
  /** Lets go of the reference and keeps the bytes; a second call does nothing. Alias of its disposal. */
  close(): Promise<void>;
}

/** A place whose writes can be taken up again. */
export interface ResumableWriter {
  /**
   * Opens a reference, with the bytes that are there already. Under a lease, the lease keeps the ingest.
   *
   * If another namespace of the place holds the content `expect`, and content is shared, no bytes are needed: the offset
   * is its size, and a commit makes it content of this namespace too, also if the other one has let go of it by then.
   * Whoever writes more to it gets a copy to append to.
   *
   * @throws {StowageError} INVALID if the reference is empty or `total` is not what it was opened with before; BUSY
   *   if somebody who is alive has it open, after `patience`; ALREADY_EXISTS if this namespace holds content of the
   *   digest `expect`, which then is kept by the lease.
   */
  openIngest(ref: string, options?: IngestOptions): Promise<Ingest>;
  /** Every write in progress of this namespace, ascending by reference. */
  ingests(options?: CallOptions): AsyncIterable<IngestStatus>;
  ingest(ref: string, options?: CallOptions): Promise<IngestStatus | undefined>;
  /** Throws an ingest away, also one that is open; false if there was none. */
  abortIngest(ref: string, options?: CallOptions): Promise<boolean>;
}

/** A local store of blobs whose writes can be taken up again. */
export interface LocalContent extends ContentStore, ResumableWriter {}
