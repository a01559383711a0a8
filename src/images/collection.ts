/**
 * The contract of garbage collection: what there is, what keeps what, and the removal of the rest; interfaces only.
 *
 * What is kept is decided by the mark (mark.ts), from records alone; what is removed, by the backend, which looks again in
 * the step that removes it. Rules and labels are containerd's (spec 6).
 */
import type { CallOptions, Labels } from '../content/store.js';
import type { StowageError } from '../errors.js';
import type { Digest } from '../oci/digest.js';

/** Something that is kept or collected. Every one belongs to a namespace; nothing refers into another one. */
export interface Item {
  readonly kind: 'image' | 'content' | 'ingest' | 'lease';
  readonly namespace: string;
  /** Name, digest, reference or identifier. */
  readonly id: string;
}

/**
 * Everything that counts, as of one moment, of all namespaces. Of images and content only the labels with
 * `containerd.io/gc.` in their keys have to be there.
 */
export interface Holdings {
  readonly images: Iterable<{
    readonly namespace: string;
    readonly name: string;
    readonly target: Digest;
    readonly labels: Labels;
  }>;
  readonly content: Iterable<{
    readonly namespace: string;
    readonly digest: Digest;
    /** In bytes. */
    readonly size: number;
    readonly labels: Labels;
  }>;
  readonly leases: Iterable<{
    readonly namespace: string;
    readonly id: string;
    readonly labels: Labels;
    readonly expiresAt: Date | undefined;
    /** Left behind by a process that died. */
    readonly orphan: boolean;
    readonly resources: readonly LeaseResource[];
  }>;
  readonly ingests: Iterable<{
    readonly namespace: string;
    readonly ref: string;
    readonly expected: Digest | undefined;
    /** Somebody alive writes it. */
    readonly active: boolean;
    /** Left behind by a process that died. */
    readonly orphan: boolean;
    /** When nobody's interest in it is assumed any more. */
    readonly expiresAt: Date | undefined;
  }>;
}

/** Something a lease keeps: a digest, the name of an image, or the reference of an ingest. */
export interface LeaseResource {
  readonly type: 'content' | 'ingests' | 'images';
  readonly id: string;
}

/** One thing that was removed, or would be. */
export type Removed =
  | (Item & {
      /** Bytes on the disk, of an ingest. */
      readonly size?: number;
    })
  /** Bytes on the disk, when the last namespace lets go of them; or a file that no record knew of. */
  | { readonly kind: 'blob'; readonly digest: Digest; readonly size: number };

export interface CollectOptions extends CallOptions {
  /** Finds out and removes nothing. @default false */
  readonly dryRun?: boolean;
  /**
   * Also what processes that died left behind for whoever continues their work, and files that no record knows; else
   * that is left until it expires. @default false
   */
  readonly thorough?: boolean;
  /** Told of everything that is removed. */
  readonly onRemoved?: (removed: Removed) => void;
  /** Told of everything that was to go and could not be removed; it is tried again by the next collection. */
  readonly onFailure?: (error: StowageError) => void;
}

/** The outcome of a collection: how many of each kind, and the bytes that are free now. */
export interface Collection {
  readonly removed: Readonly<Record<Item['kind'] | 'blob', number>>;
  readonly freedBytes: number;
  /** How many could not be removed. */
  readonly failed: number;
  /** What remains, of bytes each once, however many namespaces hold them. */
  readonly kept: { readonly blobs: number; readonly bytes: number };
}

/** A place that can be collected. */
export interface Collector {
  /** What there is now, read in one moment. */
  holdings(options?: CallOptions): Promise<Holdings>;
  /**
   * Removes what nothing keeps, in all namespaces, while others go on working: nothing that is referred to, leased or
   * being written goes, whatever they do meanwhile, and nothing else stays. Content that was put without a lease and
   * is not referred to yet is among what goes.
   *
   * @throws {StowageError} DENIED if the store is open for reading only, unless it is a dry run; BUSY if others kept it
   *   locked for a minute: what was removed until then is removed.
   */
  collect(options?: CollectOptions): Promise<Collection>;
}
