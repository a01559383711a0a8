import { StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import { leaseTerms } from '../../images/lease-terms.js';
import type { Lease, LeaseInfo, LeaseOptions, LeaseStore } from '../../images/store.js';
import type { Transaction } from './database/connection.js';
import { leaseOf, PAGE } from './rows.js';
import { requireWritable, touchNamespace, type View } from './view.js';

/** The leases of one namespace. An expired one counts for nothing: it is not listed, and its name is free. */
export class DirLeases implements LeaseStore {
  readonly #view: View;
  readonly #running: Set<Lease>;

  /** `running` gets every lease made here, until it is released. */
  constructor(view: View, running: Set<Lease>) {
    this.#view = view;
    this.#running = running;
  }

  async create(options: LeaseOptions = {}): Promise<Lease> {
    options.signal?.throwIfAborted();
    const { place, namespace } = this.#view;
    requireWritable(this.#view, 'create a lease');
    const { id, labels, createdAt, expiresAt } = leaseTerms(options, new Date());
    const holder = await place.holders.own(options);
    const created = createdAt.getTime();
    await place.connection.transaction((transaction) => {
      touchNamespace(this.#view, transaction);
      this.#removeExpired(transaction, id, created);
      const added = transaction.run(
        `INSERT OR IGNORE INTO leases (namespace, id, holder, created, expires, labels) VALUES (?, ?, ?, ?, ?, ?)`,
        namespace,
        id,
        holder,
        created,
        expiresAt?.getTime() ?? null,
        JSON.stringify(labels),
      );
      if (added > 0) return;
      throw new StowageError('ALREADY_EXISTS', `lease ${JSON.stringify(id)}: already exists`, {
        detail: { lease: id },
      });
    }, options);
    return this.#lease(id, holder);
  }

  async *list(options: CallOptions = {}): AsyncIterable<LeaseInfo> {
    const { place, namespace } = this.#view;
    for (let after = ''; ;) {
      const page = await place.connection.read(
        (queries) =>
          queries.all(
            `SELECT id, labels, created, expires FROM leases
               WHERE namespace = ? AND id > ? AND (expires IS NULL OR expires > ?) ORDER BY id LIMIT ${PAGE}`,
            namespace,
            after,
            Date.now(),
          ),
        options,
      );
      for (const row of page) {
        options.signal?.throwIfAborted();
        const lease = leaseOf(row);
        after = lease.id;
        yield lease;
      }
      if (page.length < PAGE) return;
    }
  }

  async delete(id: string, options: CallOptions = {}): Promise<boolean> {
    requireWritable(this.#view, `delete lease ${JSON.stringify(id)}`);
    return this.#view.place.connection.transaction((transaction) => {
      this.#removeExpired(transaction, id, Date.now());
      return this.#remove(transaction, id, 'TRUE');
    }, options);
  }

  #lease(id: string, holder: string): Lease {
    let released: Promise<void> | undefined;
    const release = () => {
      // Somebody may have deleted it, and another process made another one of the same name.
      released ??= this.#view.place.connection
        .transaction((transaction) => void this.#remove(transaction, id, 'holder = ?', holder))
        .finally(() => this.#running.delete(lease));
      return released;
    };
    const lease: Lease = { id, release, [Symbol.asyncDispose]: release };
    this.#running.add(lease);
    return lease;
  }

  #removeExpired(transaction: Transaction, id: string, now: number): void {
    this.#remove(transaction, id, 'expires <= ?', now);
  }

  /** Whether there was one that meets the condition. */
  #remove(transaction: Transaction, id: string, condition: string, ...values: (string | number)[]): boolean {
    const { namespace } = this.#view;
    const sql = `DELETE FROM leases WHERE namespace = ? AND id = ? AND ${condition}`;
    if (transaction.run(sql, namespace, id, ...values) === 0) return false;
    transaction.run('DELETE FROM lease_resources WHERE namespace = ? AND lease = ?', namespace, id);
    return true;
  }
}
