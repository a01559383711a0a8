import { ingestReferenceTests } from './content-store-ingest-references.js';
import { ingestTests } from './content-store-ingests.js';
import { sharedIngestTests } from './content-store-ingests-shared.js';
import { writingTests } from './content-store-ingests-writing.js';
import { declareSuite, type StoreFactory, type SuiteOptions, type TestFrame } from './frame.js';

/**
 * What every store must do whose writes can be taken up again: the behaviours of containerd's own conformance suite (spec
 * 4.8), and what the contract in `content/ingests.ts` adds.
 */
export function contentStoreIngestSuite(
  frame: TestFrame,
  factory: StoreFactory,
  options?: SuiteOptions,
): void {
  const tests = { ...ingestTests, ...ingestReferenceTests, ...sharedIngestTests, ...writingTests };
  declareSuite(frame, 'ingests', tests, factory, options);
}
