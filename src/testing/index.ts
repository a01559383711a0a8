/**
 * SUITES: what a backend must do, as tests to be run by any test runner that has `describe` and `it`, and images to
 * test with.
 */
export * from './build-image.js';
export { collectorSuite } from './collector-suite.js';
export { contentStoreIngestSuite } from './content-store-ingest-suite.js';
export { contentStoreIsolationSuite } from './content-store-isolation.js';
export { contentStoreSuite } from './content-store-suite.js';
export type { KnownGap, StoreFactory, SuiteOptions, TestFrame } from './frame.js';
export { imageStoreSuite } from './image-store-suite.js';
export { leaseSuite } from './lease-suite.js';
export { namespaceSuite } from './namespace-suite.js';
