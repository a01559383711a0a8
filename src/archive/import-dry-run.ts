import type { ContentStore, Target } from '../content/store.js';
import type { Store } from '../images/store.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { openArchive, type ArchiveSource } from './archive-source.js';
import { readContents } from './import-contents.js';
import { DocumentsOnly } from './import-documents.js';
import { checkNaming } from './import-names.js';
import type { Amount, ImportOptions, ImportReport, ReportedImage } from './import-options.js';
import type { PlannedImage } from './import-plan-image.js';
import { planImport, type ImportPlan } from './import-plan.js';
import { referrerReport } from './import-referrers.js';
import type { ArchiveContents } from './layout/archive-contents.js';

/**
 * What {@link importArchive} would do with the same archive and options: which images it would name, which platforms of
 * them it would take, what is missing, what it would write. Nothing is written, and no lease is taken, so the store may
 * be read-only; what is said of it holds for as long as nobody else changes it.
 *
 * An image that would be refused comes with its error, whatever `keepGoing` says. The layers of a file are not read:
 * whether their content is right only an import finds out, or a verification. A pipe is read to its end, and everything
 * that is needed is verified.
 *
 * @throws {StowageError} as {@link importArchive} for what is wrong with the archive as a whole; UNSUPPORTED for an
 *   archive that cannot be understood without reading its layers twice, where it comes from a pipe.
 */
export async function planArchiveImport(
  store: Store,
  source: ArchiveSource,
  options: ImportOptions = {},
): Promise<ImportReport> {
  checkNaming(options);
  options.signal?.throwIfAborted();
  const archive = await openArchive(source, options.archiveName);
  try {
    const settled = { ...options, onDuplicate: options.onDuplicate ?? options.onConflict, keepGoing: true };
    const contents = await readContents(new DocumentsOnly(archive.what), archive, {
      ...settled,
      catalog: store.content,
    });
    const holds = (content: ContentStore, targets: readonly Target[]) => held(content, targets, options);
    return reportOf(await planImport(contents, store, holds, settled), contents, options);
  } finally {
    await archive[Symbol.asyncDispose]();
  }
}

/** What a store holds of `targets`, without keeping it there. */
async function held(
  content: ContentStore,
  targets: readonly Target[],
  { signal }: ImportOptions,
): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  for (const { digest, size } of targets) {
    const blob = await content.stat({ digest }, { signal });
    if (blob !== undefined && (size === undefined || blob.size === size)) found.add(digest);
  }
  return found;
}

function reportOf(
  { images, referrers, blobs, others, held }: ImportPlan,
  { unread = { blobs: 0, bytes: 0 } }: ArchiveContents,
  options: ImportOptions,
): ImportReport {
  const leftOut = amountOf(options.allBlobs === true ? [] : others);
  return {
    images: images.map(reportedImage),
    referrers: referrers.map(referrerReport),
    write: amountOf(blobs.filter(({ digest }) => !held.has(digest))),
    held: amountOf(blobs.filter(({ digest }) => held.has(digest))),
    leftOut: { blobs: leftOut.blobs + unread.blobs, bytes: leftOut.bytes + unread.bytes },
  };
}

function reportedImage({
  name,
  target,
  outcome,
  previous,
  unnamed,
  platforms,
  problem,
}: PlannedImage): ReportedImage {
  return {
    name,
    target,
    outcome,
    ...(previous === undefined ? {} : { previous }),
    unnamed,
    platforms,
    ...(problem === undefined ? {} : { error: problem }),
  };
}

function amountOf(blobs: readonly Descriptor[]): Amount {
  return { blobs: blobs.length, bytes: blobs.reduce((sum, { size }) => sum + size, 0) };
}
