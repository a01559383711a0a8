import { unwritableParts } from '../root.js';
import type { Check } from './check.js';

/** Parts of the root that this user cannot write: a store with any is open for reading only. */
export async function checkPermissions(check: Check): Promise<void> {
  const { files, paths } = check.place;
  for (const path of await unwritableParts(files, paths)) {
    const where = check.where(path) || '.';
    const message = 'this user cannot write it, so that the store can only be read';
    const hint = 'give it to the user who owns the store';
    check.tell({ code: 'not-writable', where, message, hint }, { repairable: false });
  }
}
