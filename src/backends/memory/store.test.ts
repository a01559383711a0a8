import { describe, it } from 'vitest';
import { contentStoreSuite } from '../../testing/content-store-suite.js';
import { openMemoryStore } from './store.js';

describe('the memory backend', () => {
  contentStoreSuite({ describe, it }, async () => openMemoryStore());
});
