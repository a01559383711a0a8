import type { ContentStore, Labels } from '../content/store.js';
import type { CopyResult } from '../content/copy.js';
import { assignNames, type NameOutcome, type WantedName } from '../images/put-names.js';
import { underLease } from '../images/under-lease.js';
import type { Store } from '../images/store.js';
import { GC_REF_CONTENT } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { openArchive, type ArchiveSource, type OpenArchive } from './archive-source.js';
import { readContents } from './import-contents.js';
import { checkNaming } from './import-names.js';
import type { ImportedImage, ImportOptions, ImportResult } from './import-options.js';
import { Moving } from './import-move.js';
import { planImport, policyFor, type ImportPlan, type PlannedImage } from './import-plan.js';
import { referrerReport, type PlannedReferrer } from './import-referrers.js';
import type { ArchiveContents } from './layout/archive-contents.js';

/**
 * Imports images from an archive: an OCI image layout, or what Docker has written since its beginning, as a tar with its
 * entries in any order, compressed or not, or as a folder. When it resolves, blobs and names are durable. Names change
 * in one step at the end: if anything is wrong, none has changed, and nothing that was there before is lost. With
 * `keepGoing`, that holds for each image by itself.
 *
 * A regular file that is not compressed, and a folder, are read only where they are needed; everything else is read
 * once, to its end.
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
  const archive = await openArchive(source, options.archiveName);
  try {
    return await underLease(store, (view) => importUnderLease(view, archive, options), options);
  } finally {
    await archive[Symbol.asyncDispose]();
  }
}

async function importUnderLease(
  view: Store,
  archive: OpenArchive,
  options: ImportOptions,
): Promise<ImportResult> {
  const settled = { ...options, onDuplicate: options.onDuplicate ?? options.onConflict };
  const contents = await readContents(view.content, archive, settled);
  const claim = (content: ContentStore, targets: Parameters<ContentStore['claim']>[0]) =>
    content.claim(targets, { signal: options.signal });
  const plan = await planImport(contents, view, claim, settled);
  const labels = await lackingLabels(view.content, plan, options);

  const moving = new Moving(view, contents, labels, archive, options);
  const { images, referrers } =
    options.keepGoing === true ? await moving.oneByOne(plan) : await moving.all(plan);
  await labelSubjects(view.content, labels, moving.moved, referrers, options);
  const outcomes = await nameImages(view, images, plan, options);
  return {
    images: images.flatMap((image): ImportedImage[] => {
      const outcome = outcomes.get(image);
      return outcome === undefined ? [] : [importedImage(image, outcome)];
    }),
    refused: images.flatMap(({ name, target, problem }) =>
      problem === undefined ? [] : [{ name, target, error: problem }],
    ),
    referrers: referrers.map(referrerReport),
    ...counted(moving.result, moving.moved, contents),
  };
}

/** Names everything that is neither skipped nor refused, in one step. */
async function nameImages(
  view: Store,
  images: readonly PlannedImage[],
  plan: ImportPlan,
  options: ImportOptions,
): Promise<ReadonlyMap<PlannedImage, NameOutcome>> {
  const holding = options.allBlobs === true ? holdingLabels(plan.others) : {};
  const named = images.filter(({ outcome, problem }) => outcome !== 'skipped' && problem === undefined);
  const wanted = named.map((image): WantedName => {
    const { name, target } = image;
    return { name, target, policy: policyFor(image, options), labels: { ...options.labels, ...holding } };
  });
  const assigned = await assignNames(view.images, wanted, options);
  const outcomes = new Map(
    named.flatMap((image, at) => {
      const outcome = assigned[at];
      return outcome === undefined ? [] : [[image, outcome] as const];
    }),
  );
  for (const image of images) {
    const { name, target, outcome, previous } = image;
    if (outcome === 'skipped') outcomes.set(image, { name, target, outcome, ...(previous && { previous }) });
  }
  return outcomes;
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

/** On an image record, these keep what nothing else refers to. */
function holdingLabels(blobs: readonly Descriptor[]): Labels {
  return Object.fromEntries(blobs.map(({ digest }, at) => [`${GC_REF_CONTENT}.unreferenced.${at}`, digest]));
}

/** Labels the store does not have yet, so that repeating an import writes nothing. */
async function lackingLabels(
  store: ContentStore,
  plan: ImportPlan,
  options: ImportOptions,
): Promise<ReadonlyMap<Digest, Labels>> {
  const lacking = new Map<Digest, Labels>();
  for (const [digest, wanted] of plan.labels) {
    const present = (await store.info(digest, options))?.labels ?? {};
    const entries = Object.entries(wanted).filter(([key, value]) => present[key] !== value);
    if (entries.length > 0) lacking.set(digest, Object.fromEntries(entries));
  }
  return lacking;
}

/** What the store had before learns of what refers to it; everything else got its labels as it was moved. */
async function labelSubjects(
  store: ContentStore,
  labels: ReadonlyMap<Digest, Labels>,
  moved: readonly Descriptor[],
  referrers: readonly PlannedReferrer[],
  options: ImportOptions,
): Promise<void> {
  const done = new Set(moved.map(({ digest }) => digest));
  for (const { subject, state } of referrers) {
    const lacking = labels.get(subject);
    if (state !== 'complete' || lacking === undefined || done.has(subject)) continue;
    await store.setLabels(subject, lacking, options);
    done.add(subject);
  }
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
