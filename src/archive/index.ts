/**
 * TAR IN, TAR OUT: image archives in every form they come in, and the one form they leave in. Works on any store.
 */
export { importArchive } from './import.js';
export { exportArchive, type ArchiveSink } from './export.js';
export type { ArchiveSource } from './archive-source.js';
export type { ConflictPolicy, ImportedImage, ImportOptions, ImportResult } from './import-options.js';
export type { ExportOptions, ExportResult } from './export-options.js';
