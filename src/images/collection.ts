/**
 * The contract of garbage collection: what there is, what keeps what, and the removal of the rest; interfaces only.
 *
 * What is kept is decided by the mark (mark.ts), from records alone; what is removed, by the backend, which looks again in
 * the step that removes it. Rules and labels are containerd's (spec 6).
 */
import type { CallOptions, Labels } from '../content/store.js';
import type { Digest } from '../oci/digest.js';

/** Something that is kept or collected. Every one belongs to a namespace; nothing refers into another one. */
export interface Item {
  readonly kind: 'image' | 'content' | 'ingest' | 'lease';
  readonly namespace: string;
  /** Name, digest, reference or identifier. */
  readonly id: string;
}

/** Everything that counts, as of one moment, of all namespaces. */
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
    readonly labels: Labels;
  }>;
  readonly leases: Iterable<{
    readonly namespace: string;
    readonly id: string;
    readonly labels: Labels;
    readonly expiresAt: Date | undefined;
    readonly resources: readonly LeaseResource[];
  }>;
  readonly ingests: Iterable<{
    readonly namespace: string;
    readonly ref: string;
    readonly expected: Digest | undefined;
    /** Somebody alive writes it. */
    readonly active: boolean;
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
  | (Item & { readonly size?: undefined })
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
}

/** The outcome of a collection: how many of each kind, and the bytes that are free now. */
export interface Collection {
  readonly removed: Readonly<Record<Item['kind'] | 'blob', number>>;
  readonly freedBytes: number;
  /** What remains on the disk. */
  readonly kept: { readonly blobs: number; readonly bytes: number };
}

/** A place that can be collected. */
export interface Collector {
  /** What there is now, read in one moment. */
  holdings(options?: CallOptions): Promise<Holdings>;
  /**
   * Removes what nothing keeps, in all namespaces, while others go on working: nothing that is referred to, leased or
   * being written goes, whatever they do meanwhile, and nothing else stays.
   */
  collect(options?: CollectOptions): Promise<Collection>;
}
