import { StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import { leaseTerms } from '../../images/lease-terms.js';
import type { Lease, LeaseInfo, LeaseOptions, LeaseStore } from '../../images/store.js';
import { compareBytewise } from '../../io/bytewise.js';
import type { Namespace } from './place.js';

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
    if (leases.has(id)) {
      throw new StowageError('ALREADY_EXISTS', `lease ${JSON.stringify(id)}: already exists`, {
        detail: { lease: id },
      });
    }
    const row = { info, held: new Set<never>() };
    leases.set(id, row);
    const release = async () => {
      // Somebody may have deleted it and made another of the same name.
      if (leases.get(id) === row) leases.delete(id);
    };
    return { id, release, [Symbol.asyncDispose]: release };
  }

  async *list(options: CallOptions = {}): AsyncIterable<LeaseInfo> {
    options.signal?.throwIfAborted();
    const rows = [...this.#namespace.leases.values()];
    for (const { info } of rows.sort((a, b) => compareBytewise(a.info.id, b.info.id))) {
      options.signal?.throwIfAborted();
      yield info;
    }
  }

  async delete(id: string, options: CallOptions = {}): Promise<boolean> {
    options.signal?.throwIfAborted();
    return this.#namespace.leases.delete(id);
  }
}
