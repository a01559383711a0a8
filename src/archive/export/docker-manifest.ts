import { isStowageError } from '../../errors.js';
import type { Digest } from '../../oci/digest.js';
import { familiarString, parseNormalized, withDefaultTag } from '../../oci/docker-reference.js';
import type { ImageManifest } from '../../oci/manifest.js';
import { isImageConfig } from '../../oci/media-type.js';
import { blobPath } from '../layout/entry-name.js';

/** An image as Docker's `manifest.json` lists it: one platform, under the names it has. */
export interface DockerImage {
  readonly digest: Digest;
  readonly manifest: ImageManifest;
  readonly names: readonly string[];
}

/** One element of `manifest.json`, keys in Docker's order. */
interface DockerManifestEntry {
  readonly Config: string;
  readonly RepoTags: readonly string[] | null;
  readonly Layers: readonly string[];
}

/** Whether Docker could load it at all: an artifact has no configuration Docker knows. */
export function isDockerImage(manifest: ImageManifest): boolean {
  return manifest.artifactType === undefined && isImageConfig(manifest.config.mediaType);
}

/**
 * The content of `manifest.json` (Docker image format 1.2), which points into the blobs of the layout beside it. Names
 * are written as Docker shows them; one that Docker cannot hold, such as a digest without a tag, gives no tag.
 */
export function dockerManifest(images: readonly DockerImage[]): DockerManifestEntry[] {
  return images.map(({ manifest, names }) => {
    const tags = [...new Set(names.flatMap((name) => repoTag(name) ?? []))];
    return {
      Config: blobPath(manifest.config.digest),
      RepoTags: tags.length === 0 ? null : tags,
      Layers: manifest.layers.map(({ digest }) => blobPath(digest)),
    };
  });
}

function repoTag(name: string): string | undefined {
  try {
    const reference = parseNormalized(name);
    return reference.digest === undefined ? familiarString(withDefaultTag(reference)) : undefined;
  } catch (error) {
    if (isStowageError(error, 'INVALID') || isStowageError(error, 'UNSUPPORTED')) return undefined;
    throw error;
  }
}
