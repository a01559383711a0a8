export { openStore, type StoreOptions } from './open-store.js';
export { checkStore, type CheckStoreOptions } from './fsck/check-store.js';
export {
  STORE_FINDINGS,
  type StoreFinding,
  type StoreFindingCode,
  type StoreReport,
  type StoreSeverity,
} from './fsck/report.js';
