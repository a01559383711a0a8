import { StowageError } from '../errors.js';
import { inspectImage, inspectionKey, type Inspection } from '../content/completeness.js';
import { selectPlatforms, type PlatformSelection } from '../content/platform-selection.js';
import { isDocument } from '../content/read.js';
import type { ContentStore } from '../content/store.js';
import { findImage } from '../images/lookup.js';
import type { ImageStore } from '../images/store.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { isImageConfig, isNonDistributable, OCI_MANIFEST } from '../oci/media-type.js';
import { onlyStrict } from '../oci/platform-match.js';
import type { ExportedName } from './export/entry-annotations.js';
import { isDockerImage, type DockerImage } from './export/docker-manifest.js';
import type { ExportOptions, ExportResult } from './export-options.js';

/** What an archive is going to hold. */
export interface ExportPlan {
  readonly images: ExportResult['images'];
  /** Every blob once: manifests and indexes, configs, then layers, each group in the order of the images. */
  readonly blobs: readonly Descriptor[];
  /** For `manifest.json`: one platform of each image Docker could load. */
  readonly dockerImages: readonly DockerImage[];
}

/** Where Docker runs most often, whatever machine exports. */
const DOCKER_PLATFORM = { os: 'linux', architecture: 'amd64' };

/**
 * Looks up names, finds out what is there of each image and chooses platforms. Everything that is going to be written
 * is claimed, so that it stays until it is.
 *
 * @param content viewed under the lease of the export
 * @throws {StowageError} NOT_FOUND for a name, manifest or platform that is not there; INVALID for a damaged image.
 */
export async function planExport(
  images: ImageStore,
  content: ContentStore,
  names: readonly string[],
  options: ExportOptions,
): Promise<ExportPlan> {
  const exported = await resolveNames(images, content, names, options);
  const chosen = new Map<string, { inspection: Inspection; selection: PlatformSelection }>();
  for (const { name, target } of exported) {
    if (chosen.has(inspectionKey(target))) continue;
    const inspection = await inspectImage(
      (targets) => content.claim(targets, options),
      content,
      target,
      options,
    );
    const selection = selectPlatforms(inspection, {
      image: JSON.stringify(name),
      platforms: options.platforms,
      require: options.allPlatforms === true ? 'all' : 'present',
    });
    chosen.set(inspectionKey(target), { inspection, selection });
  }
  return {
    images: exported.map(({ name, target }) => ({
      name,
      target,
      platforms: chosen.get(inspectionKey(target))?.selection.platforms ?? [],
    })),
    blobs: blobsOf(
      [...chosen.values()].map(({ selection }) => selection),
      options,
    ),
    dockerImages: dockerImagesOf(exported, chosen, options),
  };
}

/** Each name once, in the order asked for, under the name its record has. */
async function resolveNames(
  images: ImageStore,
  content: ContentStore,
  names: readonly string[],
  options: ExportOptions,
): Promise<ExportedName[]> {
  const [first] = names;
  if (first === undefined) {
    throw new StowageError('INVALID', 'Cannot export: no image is named', {
      hint: 'name at least one image',
    });
  }
  for (const [key, value] of Object.entries({ ociRefName: options.ociRefName, manifest: options.manifest })) {
    if (value !== undefined && names.length > 1) {
      throw new StowageError('INVALID', `Cannot export ${names.length} images: ${key} is for one image`, {
        hint: 'export the images one by one',
      });
    }
  }
  if (options.manifest !== undefined)
    return [await manifestTarget(content, first, options.manifest, options)];

  const found = new Map<string, ExportedName>();
  for (const name of names) {
    const record = await findImage(images, name, options);
    found.set(record.name, { name: record.name, target: record.target });
  }
  return [...found.values()];
}

async function manifestTarget(
  content: ContentStore,
  name: string,
  digest: Digest,
  options: ExportOptions,
): Promise<ExportedName> {
  const held = await content.stat({ digest }, options);
  if (held === undefined) {
    throw new StowageError(
      'NOT_FOUND',
      `Cannot export manifest ${JSON.stringify(digest)}: it is not in the store`,
      {
        detail: { digest },
      },
    );
  }
  const mediaType = options.manifestType ?? OCI_MANIFEST;
  return { name, target: { mediaType, digest, size: held.size } };
}

function blobsOf(selections: readonly PlatformSelection[], options: ExportOptions): Descriptor[] {
  const all = selections.flatMap(({ descriptors }) => descriptors);
  const rank = (blob: Descriptor) => (isDocument(blob) ? 0 : isImageConfig(blob.mediaType) ? 1 : 2);
  const wanted = all.filter(
    ({ mediaType }) => options.skipNonDistributable !== true || !isNonDistributable(mediaType),
  );
  const unique = [...new Map(wanted.map((blob) => [blob.digest, blob])).values()];
  return unique.sort((a, b) => rank(a) - rank(b));
}

/** Names of the same manifest go into one element: that is how Docker lists an image with several tags. */
function dockerImagesOf(
  exported: readonly ExportedName[],
  chosen: ReadonlyMap<string, { inspection: Inspection; selection: PlatformSelection }>,
  options: ExportOptions,
): DockerImage[] {
  const images = new Map<Digest, DockerImage>();
  for (const { name, target } of exported) {
    const found = chosen.get(inspectionKey(target));
    const image = found && dockerImageOf(found.inspection, found.selection, options);
    if (image === undefined) continue;
    const { names = [] } = images.get(image.digest) ?? {};
    images.set(image.digest, { ...image, names: [...names, name] });
  }
  return [...images.values()];
}

/** The first platform asked for, else linux/amd64, else the first one that is complete and an image at all. */
function dockerImageOf(
  { documents }: Inspection,
  { manifests }: PlatformSelection,
  options: ExportOptions,
): Omit<DockerImage, 'names'> | undefined {
  const candidates = manifests.flatMap(({ descriptor, platform, attests, held }) => {
    const manifest = documents.get(descriptor.digest);
    if (manifest?.kind !== 'manifest' || attests !== undefined || !isDockerImage(manifest)) return [];
    // Docker needs every layer; what is left out, or was never there, cannot be listed.
    const whole = manifest.layers.every(
      ({ digest, mediaType }) =>
        held.some((part) => part.digest === digest) &&
        !(options.skipNonDistributable === true && isNonDistributable(mediaType)),
    );
    return whole ? [{ digest: descriptor.digest, manifest, platform }] : [];
  });
  const preferred = onlyStrict(options.platforms?.[0] ?? DOCKER_PLATFORM);
  return candidates.find(({ platform }) => platform && preferred.match(platform)) ?? candidates[0];
}
