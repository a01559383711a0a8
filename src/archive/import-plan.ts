import { isDocument } from '../content/read.js';
import type { Labels, Target } from '../content/store.js';
import type { Store } from '../images/store.js';
import { gcLabels } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { firstOf, hasIn, type Holds } from './archive-and-store.js';
import { namesFor, type NamingOptions } from './import-names.js';
import { inspector, planImage, type ImageOptions, type PlannedImage } from './import-plan-image.js';
import { findReferrers, planReferrers, type PlannedReferrer } from './import-referrers.js';
import type { ArchiveContents } from './layout/archive-contents.js';

/** What an import is going to do, decided before any name is written. */
export interface ImportPlan {
  readonly images: readonly PlannedImage[];
  readonly referrers: readonly PlannedReferrer[];
  /** Every blob that is taken in, each after those it refers to; some may be held already. */
  readonly blobs: readonly Descriptor[];
  /** Those of them that the store holds. */
  readonly held: ReadonlySet<Digest>;
  /** Blobs of the archive that nothing above needs, of which the media type does not matter; `allBlobs` takes them in. */
  readonly others: readonly Descriptor[];
  /**
   * Labels by which manifests and indexes keep what they refer to, whether it is there or not, and what refers to
   * them, and by which layers say what they unpack to. A subject may be in the store only, and not among the blobs.
   */
  readonly labels: ReadonlyMap<Digest, Labels>;
}

export interface PlanOptions extends ImageOptions, NamingOptions {
  readonly allBlobs?: boolean | undefined;
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
  const needed = distinct([...images, ...referrers].flatMap(({ descriptors }) => descriptors));
  for (const { digest } of needed) {
    const known = archive.labels?.get(digest);
    if (known !== undefined) labels.set(digest, { ...known, ...labels.get(digest) });
  }
  const others = otherBlobs(archive, needed);
  const blobs = options.allBlobs === true ? [...needed, ...others] : needed;
  return { images, referrers, blobs, others, labels, held: await holds(store.content, blobs) };
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
  needed: readonly Descriptor[],
): Descriptor[] {
  const known = new Set<Digest>(needed.map(({ digest }) => digest));
  return [...blobs]
    .filter(([digest]) => !known.has(digest) && digest !== indexDescriptor.digest)
    .map(([digest, size]) => ({ mediaType: 'application/octet-stream', digest, size }));
}
