import { readTests } from './content-store-reads.js';
import { writeTests } from './content-store-writes.js';
import { catalogTests } from './content-store-catalog.js';
import { declareSuite, type StoreFactory, type SuiteOptions, type TestFrame } from './frame.js';

/**
 * What every content store must do: the behaviours of containerd's own conformance suite that need no resumable ingests
 * (spec 4.8, items 1, 3, 10, 11, 12), and what the contract in `content/store.ts` adds.
 */
export function contentStoreSuite(frame: TestFrame, factory: StoreFactory, options?: SuiteOptions): void {
  const tests = { ...writeTests, ...readTests, ...catalogTests };
  declareSuite(frame, 'content store', tests, factory, options);
}
