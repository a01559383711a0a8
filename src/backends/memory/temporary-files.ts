import type { TemporaryFiles } from '../../images/store.js';

/** When the process dies this store is gone with it, so there is no record that a later one could act on. */
export const nobodyFollows: TemporaryFiles = {
  reserve: async () => ({ forget: async () => {} }),
};
