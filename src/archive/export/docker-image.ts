import { inspectionKey, type Inspection } from '../../content/completeness.js';
import type { PlatformSelection } from '../../content/platform-selection.js';
import type { Digest } from '../../oci/digest.js';
import { isNonDistributable } from '../../oci/media-type.js';
import { onlyStrict } from '../../oci/platform-match.js';
import type { ImageExportOptions } from '../export-options.js';
import type { ChosenImage } from './choose-image.js';
import { isDockerImage, type DockerImage } from './docker-manifest.js';
import type { ExportedName } from './entry-annotations.js';

/** Where Docker runs most often, whatever machine exports. */
const DOCKER_PLATFORM = { os: 'linux', architecture: 'amd64' };

/**
 * For `manifest.json`: one platform of each image Docker could load. Names of the same manifest go into one element:
 * that is how Docker lists an image with several tags.
 */
export function dockerImagesOf(
  exported: readonly ExportedName[],
  chosen: ReadonlyMap<string, Pick<ChosenImage, 'inspection' | 'selection'>>,
  options: ImageExportOptions,
): DockerImage[] {
  const images = new Map<Digest, DockerImage>();
  for (const { name, target } of exported) {
    const { inspection, selection } = chosen.get(inspectionKey(target)) ?? {};
    const image = inspection && selection && dockerImageOf(inspection, selection, options);
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
  options: ImageExportOptions,
): Omit<DockerImage, 'names'> | undefined {
  const candidates = manifests.flatMap(({ descriptor, platform, attests, held }) => {
    const manifest = documents.get(descriptor.digest);
    if (manifest?.kind !== 'manifest' || attests !== undefined || !isDockerImage(manifest)) return [];
    // Docker needs every layer; what is left out, or was never there, cannot be listed.
    const whole = [manifest.config, ...manifest.layers].every(
      ({ digest, mediaType }) =>
        held.some((part) => part.digest === digest) &&
        !(options.skipNonDistributable === true && isNonDistributable(mediaType)),
    );
    return whole ? [{ digest: descriptor.digest, manifest, platform }] : [];
  });
  const preferred = onlyStrict(options.platforms?.[0] ?? DOCKER_PLATFORM);
  return candidates.find(({ platform }) => platform && preferred.match(platform)) ?? candidates[0];
}
