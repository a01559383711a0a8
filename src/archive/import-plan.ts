import { isStowageError, StowageError } from '../errors.js';
import { inspectImage, inspectionKey, type Has, type Inspection } from '../content/completeness.js';
import { describePlatforms, type PlatformReport } from '../content/platform-report.js';
import { requirement, selectPlatforms, type RequiredPlatforms } from '../content/platform-selection.js';
import { isDocument } from '../content/read.js';
import type { CallOptions, Labels, Reader, Target } from '../content/store.js';
import { previewName } from '../images/put-names.js';
import type { Store } from '../images/store.js';
import { gcLabels } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import { aboutArchive } from './archive-error.js';
import { firstOf, hasIn, type Holds } from './archive-and-store.js';
import type { ConflictPolicy } from './import-options.js';
import { namesFor, type NamingOptions } from './import-names.js';
import { findReferrers, planReferrers, type PlannedReferrer } from './import-referrers.js';
import type { ArchiveContents } from './layout/archive-contents.js';
import type { NamedTarget } from './names/named-target.js';

export type PlannedOutcome = 'created' | 'moved' | 'unchanged' | 'skipped' | 'conflict' | 'refused';

/** An image of the archive: the name it gets, and what is there of it. */
export interface PlannedImage extends NamedTarget {
  /** What becomes of the name; nothing if it may not move (`conflict`), or the image is `refused`. */
  readonly outcome: PlannedOutcome;
  /** Where the name points now, if it moves or stays there. */
  readonly previous?: Digest;
  /** Empty where the image cannot be read. */
  readonly platforms: readonly PlatformReport[];
  /** Everything to take in for it, each blob after those it refers to; nothing if it is skipped or refused. */
  readonly descriptors: readonly Descriptor[];
}

/** What an import is going to do, decided before any name is written. */
export interface ImportPlan {
  readonly images: readonly PlannedImage[];
  readonly referrers: readonly PlannedReferrer[];
  /** Every blob that is taken in, each after those it refers to; some may be held already. */
  readonly blobs: readonly Descriptor[];
  /** Those of them that the store holds. */
  readonly held: ReadonlySet<Digest>;
  /** All other blobs of the archive, of which the media type does not matter. */
  readonly others: readonly Descriptor[];
  /**
   * Labels by which manifests and indexes keep what they refer to, whether it is there or not, and what refers to
   * them, and by which layers say what they unpack to. A subject may be in the store only, and not among the blobs.
   */
  readonly labels: ReadonlyMap<Digest, Labels>;
}

export interface PlanOptions extends CallOptions, NamingOptions {
  readonly platforms?: readonly Platform[] | undefined;
  readonly allPlatforms?: boolean | undefined;
  readonly require?: RequiredPlatforms | undefined;
  readonly onConflict?: ConflictPolicy | undefined;
  readonly allBlobs?: boolean | undefined;
  readonly labels?: Labels | undefined;
  /** Go on to the next image where one is refused, and let it say why. @default false: what it says is thrown */
  readonly keepGoing?: boolean | undefined;
}

/**
 * Decides what an import does: which images get which names, what is there of them, in the archive and the store
 * together, which platforms are taken, what belongs to them, and what has to be written. Nothing is.
 *
 * @param holds asked for everything the archive does not have, and in the end for everything that is taken in.
 * @throws {StowageError} INVALID or NOT_FOUND for an image that is not complete enough; MISMATCH if a blob of the
 *   archive has another size than its descriptor says; ALREADY_EXISTS for a name that may not move.
 */
export async function planImport(
  archive: ArchiveContents,
  store: Store,
  holds: Holds,
  options: PlanOptions,
): Promise<ImportPlan> {
  const reader = firstOf(archive, store.content);
  const has = hasIn(archive, store.content, holds);
  const found = await findReferrers(archive, options);
  const referring = new Set(found.map(({ descriptor }) => descriptor.digest));
  const { index, indexDescriptor, what } = archive;
  const names = namesFor(index.manifests, indexDescriptor, what, { ...options, referrers: referring });

  const labels = new Map<Digest, Labels>();
  const images: PlannedImage[] = [];
  const inspect = inspector(archive, has, reader, options);
  for (const named of names) {
    options.signal?.throwIfAborted();
    const image = await planImage(named, inspect, store, archive, options);
    if (image.problem !== undefined && options.keepGoing !== true) throw image.problem;
    images.push(image);
    if (image.descriptors.length === 0) continue;
    for (const [digest, document] of (await inspect(named.target)).documents) {
      labels.set(digest, gcLabels(document));
    }
  }

  const subjects = await subjectsThere(
    images,
    found,
    archive,
    (targets) => holds(store.content, targets),
    options,
  );
  const referrers = await planReferrers(found, (digest) => subjects.has(digest), { has, reader }, options);
  for (const { subject, state, labels: own, subjectLabels } of referrers) {
    if (state !== 'complete') continue;
    for (const [digest, ownLabels] of own) labels.set(digest, { ...ownLabels, ...labels.get(digest) });
    labels.set(subject, { ...labels.get(subject), ...subjectLabels });
  }
  const blobs = distinct([...images, ...referrers].flatMap(({ descriptors }) => descriptors));
  for (const { digest } of blobs) {
    const known = archive.labels?.get(digest);
    if (known !== undefined) labels.set(digest, { ...known, ...labels.get(digest) });
  }
  const others = otherBlobs(archive, blobs);
  const wanted = options.allBlobs === true ? [...blobs, ...others] : blobs;
  return { images, referrers, blobs, others, labels, held: await holds(store.content, wanted) };
}

/** Inspections, each made once: a name more for the same image costs nothing. */
type Inspect = (target: Descriptor) => Promise<Inspection>;

function inspector(archive: ArchiveContents, has: Has, reader: Reader, options: CallOptions): Inspect {
  const inspections = new Map<string, Promise<Inspection>>();
  return async (target) => {
    const key = inspectionKey(target);
    const known = inspections.get(key);
    if (known !== undefined) return known;
    const inspection = aboutArchive(archive.what, () => inspectImage(has, reader, target, options));
    inspections.set(key, inspection);
    return inspection;
  };
}

/** Whatever is wrong with the image becomes its problem. */
async function planImage(
  named: NamedTarget,
  inspect: Inspect,
  store: Store,
  archive: ArchiveContents,
  options: PlanOptions,
): Promise<PlannedImage> {
  const inspected = await settledProblem(inspect(named.target));
  const platforms = 'problem' in inspected ? [] : describePlatforms(inspected.value, options);
  const nothing = { ...named, platforms, descriptors: [] };
  const refused = (problem: StowageError): PlannedImage => ({ ...nothing, outcome: 'refused', problem });
  if (named.problem !== undefined) return refused(named.problem);
  if (named.lostTo !== undefined) return { ...nothing, outcome: 'skipped', previous: named.lostTo };

  const { name, target } = named;
  const policy = policyFor(named, options);
  const preview = await settledProblem(
    previewName(store.images, { name, target, policy, labels: options.labels }, options),
  );
  if ('value' in preview && preview.value.outcome === 'skipped') return { ...nothing, ...preview.value };
  if ('problem' in inspected) return refused(inspected.problem);
  const chosen = await settledProblem((async () => choose(inspected.value, named, archive, options))());
  if ('problem' in chosen) return refused(chosen.problem);
  if ('problem' in preview) {
    const current = await store.images.get(name, options);
    return {
      ...refused(preview.problem),
      outcome: 'conflict',
      ...(current && { previous: current.target.digest }),
    };
  }
  return { ...nothing, ...preview.value, descriptors: chosen.value };
}

/** What happens to a name that points elsewhere. */
export function policyFor({ chosen }: NamedTarget, { onConflict }: PlanOptions): ConflictPolicy {
  return chosen ? 'move' : (onConflict ?? 'error');
}

/** The value, or what is wrong with the image; a failure of anything else is thrown. */
async function settledProblem<T>(
  work: Promise<T>,
): Promise<{ readonly value: T } | { readonly problem: StowageError }> {
  try {
    return { value: await work };
  } catch (error) {
    if (!isStowageError(error) || !OF_IMAGES.has(error.code)) throw error;
    return { problem: error };
  }
}

const OF_IMAGES: ReadonlySet<string> = new Set([
  'ALREADY_EXISTS',
  'INVALID',
  'LIMIT_EXCEEDED',
  'MISMATCH',
  'NOT_FOUND',
  'UNSUPPORTED',
]);

function choose(
  inspection: Inspection,
  { name }: NamedTarget,
  archive: ArchiveContents,
  options: PlanOptions,
): readonly Descriptor[] {
  const missing = inspection.manifests.flatMap((manifest) => manifest.missing);
  const broken = missing.flatMap(({ digest }) => archive.broken?.get(digest) ?? [])[0];
  if (broken !== undefined) throw broken;
  if (missing.length > 0 && !archive.endMarked) {
    throw new StowageError(
      'INVALID',
      `Cannot import ${archive.what}: it is cut off: it has no end mark, and lacks ${JSON.stringify(missing[0]?.digest)}` +
        ` of image ${JSON.stringify(name)}`,
      {
        detail: { missing: missing.map(({ digest }) => digest) },
        hint: 'copy or download the archive again',
      },
    );
  }
  const image = `${JSON.stringify(name)} of ${archive.what}`;
  return selectPlatforms(inspection, { image, platforms: options.platforms, ...requirement(options) })
    .descriptors;
}

/**
 * Everything a referrer may belong to: documents that are taken in, and, where the names come from the archive, those
 * the store has already.
 */
async function subjectsThere(
  images: readonly PlannedImage[],
  found: readonly { readonly subject: Digest }[],
  { written }: ArchiveContents,
  held: (targets: readonly Target[]) => Promise<ReadonlySet<Digest>>,
  { ref }: PlanOptions,
): Promise<ReadonlySet<Digest>> {
  const documents = images.flatMap(({ descriptors }) => descriptors).filter(isDocument);
  const taken = new Set(documents.map(({ digest }) => digest));
  if (ref !== undefined) return taken;
  // What a stream brought is in the store by now; only what was there before is there for its own sake.
  const others = new Set(found.map(({ subject }) => subject).filter((digest) => !written.has(digest)));
  const targets = [...others].map((digest) => ({ digest }));
  return new Set([...taken, ...(targets.length === 0 ? [] : await held(targets))]);
}

/** Each once, documents after everything else. */
function distinct(blobs: readonly Descriptor[]): Descriptor[] {
  // The last of a digest counts: where one image calls opaque what another calls a manifest, it is a manifest.
  const ordered = [...blobs.filter((blob) => !isDocument(blob)), ...blobs.filter(isDocument)];
  return [...new Map(ordered.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

function otherBlobs(
  { blobs, indexDescriptor }: ArchiveContents,
  planned: readonly Descriptor[],
): Descriptor[] {
  const known = new Set<Digest>(planned.map(({ digest }) => digest));
  return [...blobs]
    .filter(([digest]) => !known.has(digest) && digest !== indexDescriptor.digest)
    .map(([digest, size]) => ({ mediaType: 'application/octet-stream', digest, size }));
}
