import { describe, it } from 'vitest';
import { collectorSuite } from '../../testing/collector-suite.js';
import { contentStoreIngestSuite } from '../../testing/content-store-ingest-suite.js';
import { contentStoreIsolationSuite } from '../../testing/content-store-isolation.js';
import { contentStoreSuite } from '../../testing/content-store-suite.js';
import { imageStoreSuite } from '../../testing/image-store-suite.js';
import { leaseSuite } from '../../testing/lease-suite.js';
import { namespaceSuite } from '../../testing/namespace-suite.js';
import { openMemoryStore } from './store.js';

describe('the memory backend', () => {
  const factory = async () => openMemoryStore();
  contentStoreSuite({ describe, it }, factory);
  contentStoreIngestSuite({ describe, it }, factory);
  contentStoreIsolationSuite({ describe, it }, async () => openMemoryStore({ sharing: 'isolated' }));
  imageStoreSuite({ describe, it }, factory);
  leaseSuite({ describe, it }, factory);
  collectorSuite({ describe, it }, factory);
  namespaceSuite({ describe, it }, factory);
});
