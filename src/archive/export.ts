import type { Store } from '../images/store.js';
import type { ExportOptions, ExportResult } from './export-options.js';

/** Where an archive may go: a path or file URL, or something that takes chunks. */
export type ArchiveSink = string | URL | NodeJS.WritableStream | WritableStream<Uint8Array>;

export declare function exportArchive(
  store: Store,
  names: readonly string[],
  sink: ArchiveSink,
  options?: ExportOptions,
): Promise<ExportResult>;
