import type { CallOptions } from '../../content/store.js';
import type { LeaseResource } from '../../images/collection.js';
import { checkResource, leaseExists, leaseTerms } from '../../images/lease-terms.js';
import type { Lease, LeaseInfo, LeaseOptions, LeaseStore } from '../../images/store.js';
import type { Queries, Transaction } from './database/connection.js';
import { PAGE, paged } from './paged.js';
import { withReserve } from './reserve.js';
import { leaseOf, resourceOf } from './rows.js';
import { hold, LEASE_COUNTS, requireLease, requireWritable, touchNamespace, type View } from './view.js';

/** The leases of one namespace. */
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
    const holder = options.lasting === true ? null : await place.holders.own(options);
    const created = createdAt.getTime();
    await place.connection.transaction((transaction) => {
      touchNamespace(this.#view, transaction);
      this.#removeExpired(transaction, id, created);
      const added = transaction.run(
        `INSERT OR IGNORE INTO leases (namespace, id, holder, lasting, created, expires, labels)
           VALUES (?, ?, ?, ?, ?, ?, ?)`,
        namespace,
        id,
        holder,
        holder === null ? 1 : 0,
        created,
        expiresAt?.getTime() ?? null,
        JSON.stringify(labels),
      );
      if (added === 0) throw leaseExists(id);
    }, options);
    return holder === null ? this.#lastingLease(id, created) : this.#lease(id, holder);
  }

  async get(id: string, options: CallOptions = {}): Promise<LeaseInfo | undefined> {
    const { place, namespace } = this.#view;
    const row = await place.connection.read(
      (queries) =>
        queries.get(
          `SELECT id, labels, created, expires FROM leases WHERE namespace = ? AND id = ? AND ${LEASE_COUNTS}`,
          namespace,
          id,
          Date.now(),
        ),
      options,
    );
    return row && leaseOf(row);
  }

  list(options: CallOptions = {}): AsyncIterable<LeaseInfo> {
    const { place, namespace } = this.#view;
    const query = `SELECT id, labels, created, expires FROM leases
      WHERE namespace = ? AND id > ? AND ${LEASE_COUNTS} ORDER BY id LIMIT ${PAGE}`;
    return paged<LeaseInfo>(
      place.connection,
      (queries, after) => queries.all(query, namespace, after?.id ?? '', Date.now()),
      leaseOf,
      options,
    );
  }

  async delete(id: string, options: CallOptions = {}): Promise<boolean> {
    requireWritable(this.#view, `delete lease ${JSON.stringify(id)}`);
    const { place } = this.#view;
    return withReserve(place, () =>
      place.connection.transaction((transaction) => {
        this.#removeExpired(transaction, id, Date.now());
        return this.#remove(transaction, id, 'TRUE');
      }, options),
    );
  }

  resources(id: string, options: CallOptions = {}): AsyncIterable<LeaseResource> {
    const { place, namespace } = this.#view;
    const query = `SELECT type, id FROM lease_resources
      WHERE namespace = ? AND lease = ? AND (type, id) > (?, ?) ORDER BY type, id LIMIT ${PAGE}`;
    const next = (queries: Queries, after: LeaseResource | undefined) => {
      this.#require(queries, id);
      return queries.all(query, namespace, id, after?.type ?? '', after?.id ?? '');
    };
    return paged(place.connection, next, resourceOf, options);
  }

  async addResource(id: string, resource: LeaseResource, options: CallOptions = {}): Promise<void> {
    requireWritable(this.#view, `change lease ${JSON.stringify(id)}`);
    checkResource(id, resource);
    await this.#view.place.connection.transaction((transaction) => {
      this.#require(transaction, id);
      hold({ ...this.#view, lease: id }, transaction, resource.id, resource.type);
    }, options);
  }

  async removeResource(id: string, resource: LeaseResource, options: CallOptions = {}): Promise<boolean> {
    const { place, namespace } = this.#view;
    requireWritable(this.#view, `change lease ${JSON.stringify(id)}`);
    checkResource(id, resource);
    return place.connection.transaction((transaction) => {
      this.#require(transaction, id);
      const removed = transaction.run(
        'DELETE FROM lease_resources WHERE namespace = ? AND lease = ? AND type = ? AND id = ?',
        namespace,
        id,
        resource.type,
        resource.id,
      );
      return removed > 0;
    }, options);
  }

  #require(queries: Queries, id: string): void {
    requireLease({ ...this.#view, lease: id }, queries);
  }

  /** Ends with the store. */
  #lease(id: string, holder: string): Lease {
    const lease = this.#releasable(id, 'holder = ?', holder, () => this.#running.delete(lease));
    this.#running.add(lease);
    return lease;
  }

  #lastingLease(id: string, created: number): Lease {
    return this.#releasable(id, 'lasting = 1 AND created = ?', created, () => {});
  }

  /** `condition` names this very lease: somebody may have deleted it and made another one of the same name. */
  #releasable(id: string, condition: string, value: string | number, onReleased: () => void): Lease {
    let released: Promise<void> | undefined;
    const release = () => {
      released ??= this.#view.place.connection
        .transaction((transaction) => void this.#remove(transaction, id, condition, value))
        .finally(onReleased);
      return released;
    };
    return { id, release, [Symbol.asyncDispose]: release };
  }

  #removeExpired(transaction: Transaction, id: string, now: number): void {
    this.#remove(transaction, id, 'expires < ?', now);
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
