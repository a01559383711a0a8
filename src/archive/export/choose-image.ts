import type { Inspection, ManifestState } from '../../content/completeness.js';
import {
  platformName,
  requirement,
  selectPlatforms,
  type PlatformSelection,
} from '../../content/platform-selection.js';
import { StowageError } from '../../errors.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { ExportedImage, ImageExportOptions } from '../export-options.js';
import { reduceIndexes } from './reduce-index.js';

/** What of one image is exported. */
export interface ChosenImage {
  readonly inspection: Inspection;
  /** Undefined if nothing of it is there, which was to be skipped. */
  readonly selection: PlatformSelection | undefined;
  readonly target: Descriptor;
  readonly indexes: readonly Descriptor[];
  /** Indexes that were made for this export. */
  readonly documents: ReadonlyMap<Digest, Uint8Array>;
  readonly platforms: ExportedImage['platforms'];
  readonly missing: readonly Digest[];
}

/**
 * Chooses platforms of an image that was looked through, and cuts its index down to them if that is wanted.
 *
 * @param name as messages show it, quoted
 * @throws {StowageError} as {@link selectPlatforms}
 */
export function chooseImage(inspection: Inspection, name: string, options: ImageExportOptions): ChosenImage {
  const { target, manifests, indexes } = inspection;
  const unchanged = { inspection, target, indexes, documents: new Map<Digest, Uint8Array>() };
  const skip = options.skipMissing === true;
  if (skip && manifests.every(({ state }) => state === 'absent')) {
    const listed = manifests.filter(({ descriptor }) => descriptor.digest !== target.digest);
    const platforms = selectionOfNothing(listed);
    return { ...unchanged, selection: undefined, platforms, missing: [...missingIn(manifests)] };
  }
  const damaged = new Set(manifests.filter(({ state }) => skip && state === 'damaged'));
  // What lacks something counts as whole: of it, what is held is moved.
  const tolerated = manifests.map((manifest): ManifestState =>
    damaged.has(manifest) ? { ...manifest, state: 'complete' } : manifest,
  );
  const selection = selectPlatforms(
    { ...inspection, manifests: tolerated },
    {
      image: name,
      platforms: options.platforms,
      ...requirement(options),
    },
  );
  const moved = new Set(selection.manifests.map(({ descriptor }) => descriptor.digest));
  const lacking = [...damaged].filter(({ descriptor }) => moved.has(descriptor.digest));
  const reduced = options.reduceIndex === true ? reduceIndexes(inspection, moved) : unchanged;
  const { documents } = reduced;
  return {
    inspection,
    selection,
    target: reduced.target,
    indexes: reduced.indexes,
    documents,
    platforms: selection.platforms.map((platform) =>
      lacking.some(({ descriptor }) => descriptor.digest === platform.digest)
        ? { ...platform, state: 'damaged' }
        : platform,
    ),
    missing: [...missingIn(lacking)],
  };
}

/**
 * @throws {StowageError} INVALID if options contradict each other.
 */
export function checkChoices(options: ImageExportOptions): void {
  const { require = 'present' } = requirement(options);
  if (options.skipMissing === true && require !== 'present') {
    throw new StowageError(
      'INVALID',
      'Cannot export: platforms are required to be complete, and what is missing is to be skipped',
      { hint: 'leave one of them out' },
    );
  }
}

function selectionOfNothing(listed: readonly ManifestState[]): ExportedImage['platforms'] {
  return listed.map(({ descriptor, platform }) => ({
    platform: platformName({ platform }),
    digest: descriptor.digest,
    state: 'absent',
  }));
}

function missingIn(manifests: readonly ManifestState[]): Set<Digest> {
  return new Set(manifests.flatMap(({ missing }) => missing.map(({ digest }) => digest)));
}
