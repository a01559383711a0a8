export { openMemoryStore, type MemoryStoreOptions } from './store.js';
