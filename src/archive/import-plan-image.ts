import { isStowageError, StowageError } from '../errors.js';
import { inspectImage, inspectionKey, type Has, type Inspection } from '../content/completeness.js';
import { describePlatforms, type PlatformReport } from '../content/platform-report.js';
import { requirement, selectPlatforms, type RequiredPlatforms } from '../content/platform-selection.js';
import type { CallOptions, Labels, Reader } from '../content/store.js';
import { previewName } from '../images/put-names.js';
import type { Store } from '../images/store.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import { aboutArchive } from './archive-error.js';
import type { ConflictPolicy } from './import-options.js';
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

export interface ImageOptions extends CallOptions {
  readonly platforms?: readonly Platform[] | undefined;
  readonly allPlatforms?: boolean | undefined;
  readonly require?: RequiredPlatforms | undefined;
  readonly onConflict?: ConflictPolicy | undefined;
  readonly labels?: Labels | undefined;
}

/** Inspections, each made once: a name more for the same image costs nothing. */
export type Inspect = (target: Descriptor) => Promise<Inspection>;

export function inspector(archive: ArchiveContents, has: Has, reader: Reader, options: CallOptions): Inspect {
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

/**
 * Decides what becomes of one image: which platforms of it are taken, and whether it gets its name. Whatever is wrong
 * with it becomes its problem.
 */
export async function planImage(
  named: NamedTarget,
  inspect: Inspect,
  store: Store,
  archive: ArchiveContents,
  options: ImageOptions,
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
export function policyFor({ chosen }: NamedTarget, { onConflict }: ImageOptions): ConflictPolicy {
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
  options: ImageOptions,
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
