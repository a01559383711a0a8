import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { collectorSuite } from '../../testing/collector-suite.js';
import { contentStoreIngestSuite } from '../../testing/content-store-ingest-suite.js';
import { contentStoreIsolationSuite } from '../../testing/content-store-isolation.js';
import { contentStoreSuite } from '../../testing/content-store-suite.js';
import { imageStoreSuite } from '../../testing/image-store-suite.js';
import { leaseSuite } from '../../testing/lease-suite.js';
import { namespaceSuite } from '../../testing/namespace-suite.js';
import type { Sharing } from '../../images/namespaces.js';
import { openStore } from './open-store.js';

describe('the dir backend', () => {
  let folder: string;
  let count = 0;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stowage-dir-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const open = (sharing?: Sharing) =>
    openStore({ root: join(folder, `${count++}`), ...(sharing && { sharing }) });
  contentStoreSuite({ describe, it }, open);
  contentStoreIngestSuite({ describe, it }, open);
  contentStoreIsolationSuite({ describe, it }, () => open('isolated'));
  imageStoreSuite({ describe, it }, open);
  leaseSuite({ describe, it }, open);
  collectorSuite({ describe, it }, open);
  namespaceSuite({ describe, it }, open);
});
