import type { BlobInfo, Labels } from '../../content/store.js';
import type { LeaseResource } from '../../images/collection.js';
import { hasExpired } from '../../images/gc-labels.js';
import { leaseNotFound } from '../../images/lease-terms.js';
import { SHAREABLE, type Sharing } from '../../images/namespaces.js';
import type { ImageRecord, LeaseInfo } from '../../images/store.js';
import type { Digest } from '../../oci/digest.js';
import type { IngestRow } from './ingests.js';

/** A lease and what is held by it, by its key. */
export interface LeaseRow {
  readonly info: LeaseInfo;
  readonly lasting: boolean;
  readonly held: Map<string, LeaseResource>;
}

/** The key of a resource among those of a lease; their bytewise order is that of the list. */
export function keyOf({ type, id }: LeaseResource): string {
  return `${type} ${id}`;
}

/** What one namespace knows. */
export interface Namespace {
  /** Undefined until it comes into being, which is with the first that is written into it. */
  labels: Labels | undefined;
  readonly blobs: Map<Digest, BlobInfo>;
  /** Replaced as a whole, so that several changes are seen at once or not at all. */
  images: ReadonlyMap<string, ImageRecord>;
  readonly leases: Map<string, LeaseRow>;
  readonly ingests: Map<string, IngestRow>;
}

/** Everything a memory store holds: bytes by digest, and what each namespace says about them. */
export class Place {
  readonly bytes = new Map<Digest, Uint8Array>();
  readonly #namespaces = new Map<string, Namespace>();
  readonly #sharing: Sharing;

  constructor(sharing: Sharing) {
    this.#sharing = sharing;
  }

  namespace(name: string): Namespace {
    let namespace = this.#namespaces.get(name);
    if (namespace === undefined) {
      namespace = {
        labels: undefined,
        blobs: new Map(),
        images: new Map(),
        leases: new Map(),
        ingests: new Map(),
      };
      this.#namespaces.set(name, namespace);
    }
    return namespace;
  }

  namespaces(): Iterable<readonly [string, Namespace]> {
    return this.#namespaces;
  }

  /** Of the namespaces that have come into being. */
  names(): string[] {
    return [...this.#namespaces].flatMap(([name, { labels }]) => (labels === undefined ? [] : [name]));
  }

  /** Bytes that a namespace which does not hold them may have without bringing them. */
  shared(digest: Digest): Uint8Array | undefined {
    const isShareable = ({ blobs, labels }: Namespace) => blobs.has(digest) && labels?.[SHAREABLE] === 'true';
    const isShared = this.#sharing === 'shared' || [...this.#namespaces.values()].some(isShareable);
    return isShared ? this.bytes.get(digest) : undefined;
  }

  /** Lets go of bytes that no namespace knows any more. */
  release(digest: Digest): void {
    for (const { blobs } of this.#namespaces.values()) if (blobs.has(digest)) return;
    this.bytes.delete(digest);
  }

  /** Ends all leases that do not last. */
  close(): void {
    for (const { leases } of this.#namespaces.values()) {
      for (const [id, { lasting }] of leases) if (!lasting) leases.delete(id);
    }
  }
}

/** The lease of that identifier, if there is one that counts. */
export function leaseNow({ leases }: Namespace, id: string): LeaseRow | undefined {
  const row = leases.get(id);
  return row === undefined || hasExpired(row.info.expiresAt, new Date()) ? undefined : row;
}

/** @throws {StowageError} NOT_FOUND if it has ended. */
export function requireLease(namespace: Namespace, id: string): LeaseRow {
  const row = leaseNow(namespace, id);
  if (row === undefined) throw leaseNotFound(id);
  return row;
}

/** The same for a view that is under none where `id` is undefined. */
export function leaseOfView(namespace: Namespace, id: string | undefined): LeaseRow | undefined {
  return id === undefined ? undefined : requireLease(namespace, id);
}

/** Takes something that is gone out of every lease. */
export function releaseFromLeases({ leases }: Namespace, resource: LeaseResource): void {
  for (const { held } of leases.values()) held.delete(keyOf(resource));
}
