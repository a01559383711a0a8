import type { Store } from '../images/store.js';
import type { ImportOptions, ImportResult } from './import-options.js';

/** What an archive may come as. */
export type ArchiveSource =
  string | URL | Uint8Array | Blob | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>;

export declare function importArchive(
  store: Store,
  source: ArchiveSource,
  options?: ImportOptions,
): Promise<ImportResult>;
