import type { LeaseResource } from '../../images/collection.js';
import { leaseNotFound } from '../../images/lease-terms.js';
import type { Sharing } from '../../images/namespaces.js';
import type { Queries, Transaction } from './database/connection.js';
import { readOnlyError, type Place } from './place.js';

/** What a store object looks at: a namespace of a place, under a lease where there is one. */
export interface View {
  readonly place: Place;
  readonly namespace: string;
  readonly lease: string | undefined;
  /** Whether bytes of other namespaces may be had without bringing them. */
  readonly sharing: Sharing;
  /** Nothing may be changed. */
  readonly readOnly: boolean;
}

/** @throws {StowageError} DENIED if the store is open for reading only; `attempt` is what the caller wants to do. */
export function requireWritable(view: View, attempt: string): void {
  if (view.readOnly) throw readOnlyError(view.place.paths.root, attempt);
}

/** Of a row of `leases`, given the time: it counts. Others wait for a collection, or for who wants their identifier. */
export const LEASE_COUNTS = '(expires IS NULL OR expires >= ?)';

/** @throws {StowageError} NOT_FOUND if the view is under a lease that has ended. */
export function requireLease({ namespace, lease }: View, queries: Queries): void {
  if (lease === undefined) return;
  const row = queries.get(
    `SELECT 1 FROM leases WHERE namespace = ? AND id = ? AND ${LEASE_COUNTS}`,
    namespace,
    lease,
    Date.now(),
  );
  if (row === undefined) throw leaseNotFound(lease);
}

/** Puts something, content by default, under the lease of the view; whoever calls has checked that the lease is there. */
export function hold(
  { namespace, lease }: View,
  transaction: Transaction,
  id: string,
  type: LeaseResource['type'] = 'content',
): void {
  if (lease === undefined) return;
  transaction.run(
    'INSERT OR IGNORE INTO lease_resources (namespace, lease, type, id) VALUES (?, ?, ?, ?)',
    namespace,
    lease,
    type,
    id,
  );
}

/** Takes something that is gone out of every lease of its namespace. */
export function releaseFromLeases(
  transaction: Transaction,
  namespace: string,
  type: LeaseResource['type'],
  id: string,
): void {
  transaction.run(
    'DELETE FROM lease_resources WHERE type = ? AND id = ? AND namespace = ?',
    type,
    id,
    namespace,
  );
}

/** Records the namespace when something is first written into it. */
export function touchNamespace({ namespace }: Pick<View, 'namespace'>, transaction: Transaction): void {
  transaction.run('INSERT OR IGNORE INTO namespaces (name, created) VALUES (?, ?)', namespace, Date.now());
}
