import type { CallOptions } from '../../content/store.js';
import type { LeaseResource } from '../../images/collection.js';
import { checkResource, leaseExists, leaseTerms } from '../../images/lease-terms.js';
import type { Lease, LeaseInfo, LeaseOptions, LeaseStore } from '../../images/store.js';
import { compareBytewise } from '../../io/bytewise.js';
import { keyOf, leaseNow, requireLease, type LeaseRow, type Namespace } from './place.js';

/** The leases of one namespace. */
export class MemoryLeases implements LeaseStore {
  readonly #namespace: Namespace;

  constructor(namespace: Namespace) {
    this.#namespace = namespace;
  }

  async create(options: LeaseOptions = {}): Promise<Lease> {
    options.signal?.throwIfAborted();
    const info = leaseTerms(options, new Date());
    const { id } = info;
    const { leases } = this.#namespace;
    if (leaseNow(this.#namespace, id) !== undefined) throw leaseExists(id);
    this.#namespace.labels ??= {};
    const row: LeaseRow = { info, lasting: options.lasting === true, held: new Map() };
    leases.set(id, row);
    const release = async () => {
      // Somebody may have deleted it and made another of the same name.
      if (leases.get(id) === row) leases.delete(id);
    };
    return { id, release, [Symbol.asyncDispose]: release };
  }

  async get(id: string, options: CallOptions = {}): Promise<LeaseInfo | undefined> {
    options.signal?.throwIfAborted();
    return leaseNow(this.#namespace, id)?.info;
  }

  async *list(options: CallOptions = {}): AsyncIterable<LeaseInfo> {
    options.signal?.throwIfAborted();
    for (const id of [...this.#namespace.leases.keys()].sort(compareBytewise)) {
      options.signal?.throwIfAborted();
      const row = leaseNow(this.#namespace, id);
      if (row !== undefined) yield row.info;
    }
  }

  async delete(id: string, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    const counted = leaseNow(this.#namespace, id) !== undefined;
    this.#namespace.leases.delete(id);
    return counted;
  }

  async *resources(id: string, options: CallOptions = {}): AsyncIterable<LeaseResource> {
    options.signal?.throwIfAborted();
    const held = [...this.#held(id)].sort(([a], [b]) => compareBytewise(a, b));
    for (const [, resource] of held) {
      options.signal?.throwIfAborted();
      yield resource;
    }
  }

  async addResource(id: string, { type, id: what }: LeaseResource, options: CallOptions = {}): Promise<void> {
    options.signal?.throwIfAborted();
    const resource = { type, id: what };
    checkResource(id, resource);
    this.#held(id).set(keyOf(resource), resource);
  }

  async removeResource(id: string, resource: LeaseResource, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    checkResource(id, resource);
    return this.#held(id).delete(keyOf(resource));
  }

  #held(id: string): LeaseRow['held'] {
    return requireLease(this.#namespace, id).held;
  }
}
