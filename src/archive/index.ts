/**
 * TAR IN, TAR OUT: image archives in every form they come in, and in those they leave in. Works on any store.
 */
export { importArchive } from './import.js';
export { planArchiveImport } from './import-dry-run.js';
export { exportArchive, type ArchiveSink } from './export.js';
export { exportLayout, type LayoutExportResult } from './export-layout.js';
export { verifyArchive } from './verify/verify-archive.js';
export {
  FINDING_LIMIT,
  FINDINGS,
  type Finding,
  type FindingCode,
  type Severity,
  type Verdict,
  type VerifiedImage,
  type VerifiedPlatform,
  type VerifyOptions,
  type VerifyReport,
} from './verify/report.js';
export type { ArchiveSource } from './archive-source.js';
export type {
  Amount,
  ConflictPolicy,
  ImportedImage,
  ImportOptions,
  ImportReport,
  ImportResult,
  RefusedImage,
  ReportedImage,
} from './import-options.js';
export type { ReferrerReport } from './import-referrers.js';
export type {
  ArchiveFormat,
  ExportedImage,
  ExportedPlatform,
  ExportOptions,
  ExportResult,
  ImageExportOptions,
} from './export-options.js';
