import { StowageError } from '../errors.js';
import { inspectImage, inspectionKey, type Has, type Inspection } from '../content/completeness.js';
import {
  selectPlatforms,
  type PlatformSelection,
  type SelectedPlatform,
} from '../content/platform-selection.js';
import { isDocument } from '../content/read.js';
import type { CallOptions, ContentStore, Reader } from '../content/store.js';
import { wrongSize } from '../io/verify.js';
import { gcLabels } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import { aboutArchive } from './archive-error.js';
import type { ArchiveContents } from './layout/archive-contents.js';
import type { NamedTarget } from './names/named-target.js';

/** An image that is to be imported: the name it gets, and what is there of it. */
export interface PlannedImage extends NamedTarget {
  readonly platforms: readonly SelectedPlatform[];
}

/** What an import is going to do, decided before any name is written. */
export interface ImportPlan {
  readonly images: readonly PlannedImage[];
  /** Every blob the images need, each after those it refers to; some may be held already. */
  readonly blobs: readonly Descriptor[];
  /** Labels by which manifests and indexes keep what they refer to, whether it is there or not. */
  readonly labels: ReadonlyMap<Digest, Readonly<Record<string, string>>>;
}

export interface PlanOptions extends CallOptions {
  readonly platforms?: readonly Platform[] | undefined;
  readonly allPlatforms?: boolean | undefined;
}

/**
 * Finds out what is there of every image that is to be named, in the archive and the store together, and chooses
 * platforms.
 *
 * @param store the store, viewed under the lease of the import: what it holds of these images stays from now on.
 * @throws {StowageError} INVALID or NOT_FOUND for an image that is not complete enough; MISMATCH if a blob of the
 *   archive has another size than its descriptor says.
 */
export async function planImport(
  archive: ArchiveContents,
  store: ContentStore,
  names: readonly NamedTarget[],
  options: PlanOptions,
): Promise<ImportPlan> {
  const reader = firstOf(archive, store);
  const has = hasIn(archive, store, options);
  const inspections = new Map<string, Inspection>();
  const selections: PlatformSelection[] = [];
  const images: PlannedImage[] = [];
  for (const named of names) {
    const { target } = named;
    const key = inspectionKey(target);
    const inspection =
      inspections.get(key) ??
      (await aboutArchive(archive.what, () => inspectImage(has, reader, target, options)));
    inspections.set(key, inspection);
    const selection = choose(inspection, named, archive, options);
    selections.push(selection);
    images.push({ ...named, platforms: selection.platforms });
  }
  return { images, blobs: blobsOf(selections), labels: labelsOf(inspections.values()) };
}

function choose(
  inspection: Inspection,
  { name }: NamedTarget,
  archive: ArchiveContents,
  options: PlanOptions,
): PlatformSelection {
  const missing = inspection.manifests.flatMap((manifest) => manifest.missing);
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
  return selectPlatforms(inspection, {
    image: `${JSON.stringify(name)} of ${archive.what}`,
    platforms: options.platforms,
    require: options.allPlatforms === true ? 'all' : 'present',
  });
}

/** Asks the archive first: what it has costs nothing to know, and its sizes have to be right. */
function hasIn(archive: ArchiveContents, store: ContentStore, options: CallOptions): Has {
  return async (targets) => {
    const inArchive = new Set<Digest>();
    for (const { digest, size } of targets) {
      const actual = archive.blobs.get(digest);
      if (actual === undefined) continue;
      if (size !== undefined && actual !== size) {
        const what = `blob ${JSON.stringify(digest)} of ${archive.what}`;
        throw wrongSize({ digest, size }, { what, code: 'MISMATCH' }, { actual });
      }
      inArchive.add(digest);
    }
    const others = targets.filter(({ digest }) => !inArchive.has(digest));
    const held = others.length === 0 ? [] : await store.claim(others, options);
    return new Set([...inArchive, ...held]);
  };
}

function firstOf(archive: ArchiveContents, store: ContentStore): Reader {
  const place = (digest: Digest): Reader => (archive.blobs.has(digest) ? archive.content : store);
  return {
    stat: (target, options) => place(target.digest).stat(target, options),
    read: (target, options) => place(target.digest).read(target, options),
  };
}

function blobsOf(selections: readonly PlatformSelection[]): Descriptor[] {
  const all = selections.flatMap(({ descriptors }) => descriptors);
  // The last of a digest counts: where one image calls opaque what another calls a manifest, it is a manifest.
  const ordered = [...all.filter((blob) => !isDocument(blob)), ...all.filter(isDocument)];
  return [...new Map(ordered.map((descriptor) => [descriptor.digest, descriptor])).values()];
}

function labelsOf(inspections: Iterable<Inspection>): ImportPlan['labels'] {
  const labels = new Map<Digest, Readonly<Record<string, string>>>();
  for (const { documents } of inspections) {
    for (const [digest, document] of documents) labels.set(digest, gcLabels(document));
  }
  return labels;
}
