import { StowageError } from '../errors.js';
import { inspectImage, inspectionKey } from '../content/completeness.js';
import { isDocument } from '../content/read.js';
import type { Store } from '../images/store.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { isImageConfig, isNonDistributable } from '../oci/media-type.js';
import { checkChoices, chooseImage, type ChosenImage } from './export/choose-image.js';
import { imageReferrers, type ImageReferrers } from './export/export-referrers.js';
import { dockerImagesOf } from './export/docker-image.js';
import type { DockerImage } from './export/docker-manifest.js';
import type { ExportedName } from './export/entry-annotations.js';
import { resolveNames } from './export/resolve-names.js';
import type { ExportedImage, ImageExportOptions } from './export-options.js';

/** What an archive or a layout is going to hold. */
export interface ExportPlan {
  /** Every image that was named. */
  readonly images: readonly ExportedImage[];
  /** Those of which there is something, under the targets they have in what is written. */
  readonly names: readonly ExportedName[];
  /** Entries of the index for what refers to them. */
  readonly referrers: readonly Descriptor[];
  /** Every blob once: manifests and indexes, configs, then layers, each group in the order of the images. */
  readonly blobs: readonly Descriptor[];
  /** The bytes of those that were made for this export and are not in the store. */
  readonly documents: ReadonlyMap<Digest, Uint8Array>;
  /** For `manifest.json`: one platform of each image Docker could load. */
  readonly dockerImages: readonly DockerImage[];
}

/**
 * Looks up names, finds out what is there of each image and chooses platforms. Everything that is going to be written
 * is claimed, so that it stays until it is.
 *
 * @param view under the lease of the export
 * @throws {StowageError} NOT_FOUND for a name, manifest or platform that is not there; INVALID for a damaged image; BUSY
 *   if others keep changing the names.
 */
export async function planExport(
  view: Pick<Store, 'content' | 'images'>,
  names: readonly string[],
  options: ImageExportOptions,
): Promise<ExportPlan> {
  checkChoices(options);
  const { content } = view;
  const exported = await resolveNames(view, names, options);
  const chosen = new Map<string, ChosenImage>();
  for (const { name, target } of exported) {
    if (chosen.has(inspectionKey(target))) continue;
    const inspection = await inspectImage(
      (targets) => content.claim(targets, options),
      content,
      target,
      options,
    );
    chosen.set(inspectionKey(target), chooseImage(inspection, JSON.stringify(name), options));
  }
  const referrers = new Map<ChosenImage, ImageReferrers>();
  for (const [key, choice] of options.referrers === true ? chosen : []) {
    const name = exported.find(({ target }) => inspectionKey(target) === key)?.name;
    const found = await imageReferrers(content, subjectsIn(choice), JSON.stringify(name), options);
    referrers.set(choice, found);
  }
  const planned = exported.map((named) => plannedImage(named, chosen, referrers));
  const all = [...chosen.values()];
  const hanging = [...referrers.values()];
  return {
    images: planned,
    names: presentNames(planned),
    referrers: eachOnce(hanging.flatMap(({ entries }) => entries)),
    blobs: blobsOf([...all.flatMap(partsOf), ...hanging.flatMap(({ blobs }) => blobs)], options),
    documents: new Map(all.flatMap(({ documents }) => [...documents])),
    dockerImages: dockerImagesOf(exported, chosen, options),
  };
}

function plannedImage(
  { name, target }: ExportedName,
  chosen: ReadonlyMap<string, ChosenImage>,
  referrers: ReadonlyMap<ChosenImage, ImageReferrers>,
): ExportedImage {
  const choice = chosen.get(inspectionKey(target));
  if (choice === undefined) throw new TypeError('a choice is made for every target');
  const { platforms, missing, selection } = choice;
  // The record may say more about the target than another one with the same did.
  const { digest, size } = choice.target;
  const isReduced = digest !== target.digest;
  if (isReduced && name.includes(`@${target.digest}`)) {
    throw new StowageError(
      'INVALID',
      `Cannot reduce the index of image ${JSON.stringify(name)}: its name says its digest, which would be another`,
      { detail: { name, digest }, hint: 'give it another name first: stowage images tag' },
    );
  }
  return {
    name,
    target: { ...target, digest, size },
    ...(isReduced ? { reducedFrom: target.digest } : {}),
    platforms,
    missing,
    leftOut: selection === undefined,
    referrers: [...new Set(referrers.get(choice)?.entries.map((entry) => entry.digest))],
  };
}

function presentNames(planned: readonly ExportedImage[]): ExportedName[] {
  const present = planned.filter(({ leftOut }) => !leftOut);
  const [first] = planned;
  if (present.length === 0 && first !== undefined) {
    const more = planned.length > 1 ? ` and of ${planned.length - 1} more` : '';
    throw new StowageError(
      'NOT_FOUND',
      `Cannot export: of image ${JSON.stringify(first.name)}${more} nothing is there`,
      { detail: { missing: planned.flatMap(({ missing }) => missing) } },
    );
  }
  return present;
}

/** What something may refer to: an image, or a part of it that is exported. */
function subjectsIn({ selection, target, indexes }: ChosenImage): Digest[] {
  if (selection === undefined) return [];
  const descriptors = [target, ...indexes, ...selection.manifests.map(({ descriptor }) => descriptor)];
  return [...new Set(descriptors.map(({ digest }) => digest))];
}

/** Images that share a platform share what refers to it. */
function eachOnce(entries: readonly Descriptor[]): Descriptor[] {
  const keyOf = ({ digest, annotations }: Descriptor) => `${digest} ${JSON.stringify(annotations)}`;
  return [...new Map(entries.map((entry) => [keyOf(entry), entry])).values()];
}

function partsOf({ selection, inspection, indexes }: ChosenImage): Descriptor[] {
  if (selection === undefined) return [];
  const replaced = new Set(inspection.indexes.map(({ digest }) => digest));
  return [...selection.descriptors.filter(({ digest }) => !replaced.has(digest)), ...indexes];
}

function blobsOf(all: readonly Descriptor[], options: ImageExportOptions): Descriptor[] {
  const rank = (blob: Descriptor) => (isDocument(blob) ? 0 : isImageConfig(blob.mediaType) ? 1 : 2);
  const wanted = all.filter(
    ({ mediaType }) => options.skipNonDistributable !== true || !isNonDistributable(mediaType),
  );
  const unique = [...new Map(wanted.map((blob) => [blob.digest, blob])).values()];
  return unique.sort((a, b) => rank(a) - rank(b));
}
