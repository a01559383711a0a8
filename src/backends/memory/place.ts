import type { BlobInfo } from '../../content/store.js';
import type { ImageRecord, LeaseInfo } from '../../images/store.js';
import type { Digest } from '../../oci/digest.js';

/** A lease and what is held by it. */
export interface LeaseRow {
  readonly info: LeaseInfo;
  readonly held: Set<Digest>;
}

/** What one namespace knows. */
export interface Namespace {
  readonly blobs: Map<Digest, BlobInfo>;
  /** Replaced as a whole, so that several changes are seen at once or not at all. */
  images: ReadonlyMap<string, ImageRecord>;
  readonly leases: Map<string, LeaseRow>;
}

/** Everything a memory store holds: bytes by digest, and what each namespace says about them. */
export class Place {
  readonly bytes = new Map<Digest, Uint8Array>();
  readonly #namespaces = new Map<string, Namespace>();

  namespace(name: string): Namespace {
    let namespace = this.#namespaces.get(name);
    if (namespace === undefined) {
      namespace = { blobs: new Map(), images: new Map(), leases: new Map() };
      this.#namespaces.set(name, namespace);
    }
    return namespace;
  }

  /** Lets go of bytes that no namespace knows any more. */
  release(digest: Digest): void {
    for (const { blobs } of this.#namespaces.values()) if (blobs.has(digest)) return;
    this.bytes.delete(digest);
  }

  /** Ends all leases. */
  close(): void {
    for (const { leases } of this.#namespaces.values()) leases.clear();
  }
}
