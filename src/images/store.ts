/** The contract for names: image records, what changes them, and the leases that keep content while work goes on. */
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { NamespaceStore } from './namespaces.js';
import type { LocalContent } from '../content/ingests.js';
import type { CallOptions, LabelChanges, Labels, ListOptions } from '../content/store.js';
import type { Collector, LeaseResource } from './collection.js';

/** A name for content. Of the target only media type, digest, size and annotations are kept. */
export interface ImageRecord {
  readonly name: string;
  readonly target: Descriptor;
  readonly labels: Labels;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** One change to image records, as plain data. `ifTarget` makes it conditional on the digest the name has now. */
export type ImageChange =
  | { readonly op: 'create'; readonly name: string; readonly target: Descriptor; readonly labels?: Labels }
  | {
      readonly op: 'update';
      readonly name: string;
      /** Replaces the target, annotations included. */
      readonly target?: Descriptor;
      readonly labels?: LabelChanges;
      /** Labels that are not named in `labels` go. @default false */
      readonly replaceLabels?: boolean;
      readonly ifTarget?: Digest;
    }
  | { readonly op: 'delete'; readonly name: string; readonly ifTarget?: Digest };

export interface ImageStore {
  get(name: string, options?: CallOptions): Promise<ImageRecord | undefined>;
  /** Every record, ascending by name, bytewise. */
  list(options?: ListOptions): AsyncIterable<ImageRecord>;
  /** Whether `apply` makes all of its changes or none. */
  readonly atomic: boolean;
  /**
   * Makes the changes in order, in one step where the store is {@link atomic}. Durable when it resolves. Answers the
   * records as they are afterwards, one for each create and update.
   *
   * @throws {StowageError} ALREADY_EXISTS for a create of a name that is taken; NOT_FOUND for an update or delete of
   *   one that is not; CONFLICT where `ifTarget` is not the digest the name has; INVALID for an empty name, a target
   *   without media type or with a size that is not positive, a label longer than allowed. `detail.name` says which.
   */
  apply(changes: readonly ImageChange[], options?: CallOptions): Promise<readonly ImageRecord[]>;
}

export interface LeaseInfo {
  readonly id: string;
  readonly createdAt: Date;
  /** When it stops counting, or undefined for never. */
  readonly expiresAt: Date | undefined;
  readonly labels: Labels;
}

/** A lease somebody holds: what is claimed or put under it stays until it is released or expires. */
export interface Lease extends AsyncDisposable {
  readonly id: string;
  /** Ends the lease; a second call does nothing. Alias of its disposal. */
  release(): Promise<void>;
}

export interface LeaseOptions extends CallOptions {
  /** @default a random identifier */
  readonly id?: string;
  readonly labels?: Labels;
  /**
   * Milliseconds until it stops counting, `Infinity` for never.
   * @default what the label `containerd.io/gc.expire` says, else 24 hours, as containerd's clients have it
   */
  readonly ttl?: number;
  /**
   * It ends when it is released, deleted or expired, not with the store it was made by or its process.
   * @default false
   */
  readonly lasting?: boolean;
}

/** Leases that expired count for nothing here: they are not found, and their identifiers are free. */
export interface LeaseStore {
  /** @throws {StowageError} ALREADY_EXISTS if the identifier is taken; INVALID as {@link leaseTerms}. */
  create(options?: LeaseOptions): Promise<Lease>;
  get(id: string, options?: CallOptions): Promise<LeaseInfo | undefined>;
  /** Ascending by identifier, bytewise. */
  list(options?: CallOptions): AsyncIterable<LeaseInfo>;
  /** False if there was none. */
  delete(id: string, options?: CallOptions): Promise<boolean>;
  /**
   * What a lease keeps: content, then images, then ingests, each ascending by identifier. Whether it is there does
   * not matter.
   * @throws {StowageError} NOT_FOUND if there is no such lease; so do the next two.
   */
  resources(id: string, options?: CallOptions): AsyncIterable<LeaseResource>;
  /** Does nothing if the lease keeps it already. @throws {StowageError} INVALID for what is no resource. */
  addResource(id: string, resource: LeaseResource, options?: CallOptions): Promise<void>;
  /** False if the lease did not keep it. */
  removeResource(id: string, resource: LeaseResource, options?: CallOptions): Promise<boolean>;
}

/**
 * Files outside the store that must not outlive the process that writes them. The path is recorded before the file
 * is made; should the process die, the next one that opens the store to change it removes the file.
 */
export interface TemporaryFiles {
  /**
   * Records `path` (absolute); a store that is open for reading records nothing. Call `forget` on what comes back when
   * the file is gone or has its final name; what the store has against that changes nothing for the file, and is no
   * failure.
   */
  reserve(path: string, options?: CallOptions): Promise<{ forget(): Promise<void> }>;
}

/** A place that can tell whether it was changed. */
export interface Revisions {
  /**
   * Two answers of one store are equal only if no record of the place, of any namespace, was changed between them,
   * whoever might have done so: all that was looked at in between was so in one and the same moment.
   */
  revision(options?: CallOptions): Promise<string>;
}

/** Content, images and leases of one namespace. */
export interface Store extends AsyncDisposable, Partial<Revisions> {
  /** The namespace this view shows. */
  readonly namespaceName: string;
  /** The lease it is viewed under, or undefined. */
  readonly lease: string | undefined;
  /** Whether it refuses every change, with DENIED. */
  readonly readOnly: boolean;
  readonly content: LocalContent;
  readonly images: ImageStore;
  readonly leases: LeaseStore;
  /** Those of the place, whichever one this view shows. */
  readonly namespaces: NamespaceStore;
  readonly temporaryFiles: TemporaryFiles;
  /** Of all namespaces. */
  readonly collector: Collector;
  /**
   * The same store with everything that is claimed, put or ingested held by `lease`, and of images those that may
   * expire. What it is asked to hold or name when the lease has ended is refused with NOT_FOUND.
   */
  under(lease: Pick<Lease, 'id'>): Store;
  /** Another namespace of the same place: its own names and metadata, the same blobs on disk. */
  namespace(name: string): Store;
  /** Ends leases of running operations, workers and connections; a second call does nothing. Alias of its disposal. */
  close(): Promise<void>;
}
