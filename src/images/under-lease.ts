import { isStowageError, StowageError } from '../errors.js';
import type { CallOptions } from '../content/store.js';
import type { Store } from './store.js';

/**
 * Runs `work` with a view of the store whose claims and puts are held by a lease of its own, which ends with the work.
 * Whatever the work throws is thrown, even if the lease cannot be ended then. A store that is viewed under a lease keeps
 * that one (spec 6.1): what the work brings stays for as long as its holder wants.
 *
 * The lease has no term: the work may outlast any, on a machine that sleeps for days or whose clock is set. It belongs
 * to this process, and expires a day after that has died.
 *
 * A store that is open for reading gives no leases; there the work runs without, and what others take away meanwhile is
 * missing.
 *
 * @throws {StowageError} CONFLICT if somebody took the lease away while the work needed it, by itself or with its
 *   namespace, which leases do not keep (spec 5.5); and whatever the work throws.
 */
export async function underLease<T>(
  store: Store,
  work: (view: Store) => Promise<T>,
  options: CallOptions = {},
): Promise<T> {
  if (store.readOnly || store.lease !== undefined) return work(store);
  // Only the signal: whatever else the options of the work say is not about the lease.
  const lease = await store.leases.create({ ttl: Infinity, signal: options.signal });
  let result: T;
  try {
    result = await work(store.under(lease));
  } catch (error) {
    await lease.release().catch(() => {});
    throw isStowageError(error, 'NOT_FOUND') && error.detail['lease'] === lease.id
      ? leaseTakenAway(store.namespaceName, lease.id, error)
      : error;
  }
  await lease.release().catch((error: unknown) => {
    // What was asked for is done and durable; on a disk that is full the lease ends with this process.
    if (!isStowageError(error)) throw error;
  });
  return result;
}

function leaseTakenAway(namespace: string, lease: string, cause: StowageError): StowageError {
  return new StowageError(
    'CONFLICT',
    `Cannot go on in namespace ${JSON.stringify(namespace)}: the lease of this work was removed meanwhile`,
    {
      detail: { namespace, lease },
      hint: 'somebody removed the namespace, or the lease alone; do the same again',
      cause,
    },
  );
}
