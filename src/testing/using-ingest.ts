import assert from 'node:assert/strict';
import type { Ingest, IngestOptions } from '../content/ingests.js';
import type { Store } from '../images/store.js';
import { digestOf } from '../io/hash.js';

/** Opens a reference, does something with it, and closes it. */
export async function using<T>(
  store: Store,
  ref: string,
  work: (ingest: Ingest) => Promise<T>,
  options?: IngestOptions,
): Promise<T> {
  const ingest = await store.content.openIngest(ref, options);
  try {
    return await work(ingest);
  } finally {
    await ingest.close();
  }
}

/** Nobody has begun anything under the reference. */
export async function isFree(store: Store, ref: string): Promise<void> {
  assert.equal(await store.content.ingest(ref), undefined);
  await using(store, ref, async ({ status }) => {
    assert.equal(status.offset, 0);
    assert.equal(status.digest, digestOf(new Uint8Array()));
  });
}
