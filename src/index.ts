/**
 * Stowage: the container-image store for Node.js.
 *
 * `openStore` opens a store in a folder; `store.images` are its names, `store.content` its blobs; `importArchive` and
 * `exportArchive` move images in and out as tar archives. Vocabulary (digests, descriptors, manifests, platforms,
 * references) is behind `stowage/oci`, the tar codec behind `stowage/tar`, a store in memory behind `stowage/memory`,
 * the suites a backend has to pass behind `stowage/testing`.
 */
export * from './archive/index.js';
export {
  checkStore,
  openStore,
  STORE_FINDINGS,
  type CheckStoreOptions,
  type StoreFinding,
  type StoreFindingCode,
  type StoreOptions,
  type StoreReport,
  type StoreSeverity,
} from './backends/dir/index.js';
export { copy, type CopyOptions, type CopyResult } from './content/copy.js';
export { inspectImage, type Has, type Inspection, type ManifestState } from './content/completeness.js';
export { compileFilters, type FieldLookup, type Selector } from './content/filter.js';
export { blobFields, ingestFields } from './content/filter-fields.js';
export type * from './content/ingests.js';
export { type PlatformReport } from './content/platform-report.js';
export {
  selectPlatforms,
  type PlatformSelection,
  type RequiredPlatforms,
  type SelectedPlatform,
  type SelectionOptions,
} from './content/platform-selection.js';
export type { ConfigOutline, DocumentOutline, Outline, OutlineMemory } from './content/outline.js';
export { outlineOf, readOutline } from './content/read-outline.js';
export type { OnProgress, ProgressEvent } from './content/progress.js';
export { readBlob, readDocument } from './content/read.js';
export { allReferrersOf, referrersOf, type Referrer } from './content/referrers.js';
export type * from './content/store.js';
export { writeIngest, type WriteIngestOptions } from './content/write-ingest.js';
export { walk, type WalkNode, type WalkOptions } from './content/walk.js';
export {
  ERROR_TABLE,
  isStowageError,
  StowageError,
  type ErrorCode,
  type ErrorTranslation,
  type StowageErrorOptions,
} from './errors.js';
export { checkImages, type Amount, type ImageCheck } from './images/check.js';
export { imageUsage, type ImageUsage, type Usage } from './images/usage.js';
export { imageFields, leaseFields } from './images/filter-fields.js';
export { findImage } from './images/lookup.js';
export { assignNames, type NameOutcome, type WantedName } from './images/put-names.js';
export { SHAREABLE, type NamespaceInfo, type NamespaceStore, type Sharing } from './images/namespaces.js';
export type * from './images/collection.js';
export type * from './images/store.js';
export { tagImage, type TagOptions } from './images/tag.js';
export { underLease } from './images/under-lease.js';
export type { Bytes, ByteSource, FileSlice } from './io/byte-source.js';
export { toReadable, toWebStream, type SourceLike } from './io/streams.js';
export type { Descriptor } from './oci/descriptor.js';
export { parseDigest, type Algorithm, type Digest } from './oci/digest.js';
export { parsePlatform, formatPlatform } from './oci/platform-specifier.js';
export type { Platform } from './oci/platform.js';
