import type { CopyResult } from '../content/copy.js';
import type { ContentStore } from '../content/store.js';
import type { NameOutcome } from '../images/put-names.js';
import type { Store } from '../images/store.js';
import { underLease } from '../images/under-lease.js';
import type { Descriptor } from '../oci/descriptor.js';
import { openArchive, type ArchiveSource, type OpenArchive } from './archive-source.js';
import { labelSubjects, lackingLabels, nameImages } from './import-assign.js';
import { readContents } from './import-contents.js';
import { Moving } from './import-move.js';
import { checkNaming } from './import-names.js';
import type { ImportedImage, ImportOptions, ImportResult } from './import-options.js';
import type { PlannedImage } from './import-plan-image.js';
import { planImport, type ImportPlan } from './import-plan.js';
import { referrerReport } from './import-referrers.js';
import { planWithoutWork } from './import-unchanged.js';
import type { ArchiveContents } from './layout/archive-contents.js';

/**
 * Imports images from an archive: an OCI image layout, or what Docker has written since its beginning, as a tar with its
 * entries in any order, compressed or not, or as a folder. When it resolves, blobs and names are durable. Names change
 * in one step at the end: if anything is wrong, none has changed, and nothing that was there before is lost. With
 * `keepGoing`, that holds for each image by itself.
 *
 * A regular file that is not compressed, and a folder, are read only where they are needed; everything else is read
 * once, to its end. Of a file whose images are all there under their names, nothing is written and no lease is taken.
 *
 * @throws {StowageError} INVALID, UNSUPPORTED, LIMIT_EXCEEDED for what is no sound image archive; MISMATCH for content
 *   that is not what its name or descriptor says; NOT_FOUND if the image, or a platform, that was asked for is not in
 *   it; ALREADY_EXISTS if a name is taken and `onConflict` is `error`.
 */
export async function importArchive(
  store: Store,
  source: ArchiveSource,
  options: ImportOptions = {},
): Promise<ImportResult> {
  checkNaming(options);
  options.signal?.throwIfAborted();
  const settled = { ...options, onDuplicate: options.onDuplicate ?? options.onConflict };
  const archive = await openArchive(source, options.archiveName);
  try {
    // To read these writes nothing, so it needs no lease.
    const isQuiet = archive.kind !== 'stream' && options.compressBlobs !== true;
    const contents = isQuiet ? await contentsFor(store, archive, settled) : undefined;
    const done = contents && (await planWithoutWork(contents, store, settled));
    if (done !== undefined) return resultOfNoWork(done, settled);
    return await underLease(store, (view) => importUnderLease(view, archive, contents, settled), options);
  } finally {
    await archive[Symbol.asyncDispose]();
  }
}

function contentsFor({ content }: Store, archive: OpenArchive, options: ImportOptions) {
  return readContents(content, archive, { ...options, catalog: content });
}

async function importUnderLease(
  view: Store,
  archive: OpenArchive,
  known: ArchiveContents | undefined,
  options: ImportOptions,
): Promise<ImportResult> {
  const contents = known ?? (await contentsFor(view, archive, options));
  const claim = (content: ContentStore, targets: Parameters<ContentStore['claim']>[0]) =>
    content.claim(targets, { signal: options.signal });
  const plan = await planImport(contents, view, claim, options);
  const labels = await lackingLabels(view.content, plan, options);

  const moving = new Moving(view, contents, labels, archive, options);
  const { images, referrers } =
    options.keepGoing === true ? await moving.oneByOne(plan) : await moving.all(plan);
  await labelSubjects(view.content, labels, moving.moved, referrers, options);
  const outcomes = await nameImages(view, images, plan, options);
  return resultOf({ images, referrers }, outcomes, counted(moving.result, moving.moved, contents));
}

/** As if everything had been looked at one by one and found. */
function resultOfNoWork(plan: ImportPlan, { onProgress }: ImportOptions): ImportResult {
  const { images, blobs } = plan;
  const bytes = blobs.reduce((sum, { size }) => sum + size, 0);
  onProgress?.({ kind: 'total', totalBytes: bytes, blobs: blobs.length });
  for (const { digest, size } of blobs) onProgress?.({ kind: 'blob', digest, size, existed: true });
  const outcomes = new Map(
    images.map((image): [PlannedImage, NameOutcome] => {
      const { name, target, outcome, previous } = image;
      return outcome === 'skipped'
        ? [image, { name, target, outcome, ...(previous && { previous }) }]
        : [image, { name, target, outcome: 'unchanged' }];
    }),
  );
  const counts = {
    blobs: { written: 0, existed: blobs.length },
    bytes: { written: 0, existed: bytes },
  };
  return resultOf(plan, outcomes, counts);
}

function resultOf(
  { images, referrers }: Pick<ImportPlan, 'images' | 'referrers'>,
  outcomes: ReadonlyMap<PlannedImage, NameOutcome>,
  counts: CopyResult,
): ImportResult {
  return {
    images: images.flatMap((image): ImportedImage[] => {
      const outcome = outcomes.get(image);
      return outcome === undefined ? [] : [importedImage(image, outcome)];
    }),
    refused: images.flatMap(({ name, target, problem }) =>
      problem === undefined ? [] : [{ name, target, error: problem }],
    ),
    referrers: referrers.map(referrerReport),
    ...counts,
  };
}

function importedImage({ target, unnamed, platforms }: PlannedImage, outcome: NameOutcome): ImportedImage {
  return {
    ...outcome,
    target,
    unnamed,
    platforms: platforms.map(({ platform, digest, state }) => ({
      platform,
      digest,
      // What is damaged was not asked for, or nothing would have been imported.
      state: state === 'damaged' ? 'left-out' : state,
    })),
  };
}

/** What a stream put into the store on its way was written by this import as well, though it was held by the end. */
function counted(copied: CopyResult, moved: readonly Descriptor[], { written }: ArchiveContents): CopyResult {
  const streamed = moved.filter(({ digest }) => written.has(digest));
  const bytes = streamed.reduce((sum, { size }) => sum + size, 0);
  return {
    blobs: {
      written: copied.blobs.written + streamed.length,
      existed: copied.blobs.existed - streamed.length,
    },
    bytes: { written: copied.bytes.written + bytes, existed: copied.bytes.existed - bytes },
  };
}
