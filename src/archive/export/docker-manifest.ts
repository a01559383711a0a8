import { isStowageError } from '../../errors.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { encodedOf, type Digest } from '../../oci/digest.js';
import { familiarString, parseNormalized, withDefaultTag } from '../../oci/docker-reference.js';
import type { ImageManifest } from '../../oci/manifest.js';
import { isImageConfig, layerCompression } from '../../oci/media-type.js';
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

/** Where the files are that `manifest.json` names. Docker takes any path. */
export type PathOf = (blob: Descriptor) => string;

/** Beside an OCI layout: its blobs. */
export const LAYOUT_PATHS: PathOf = ({ digest }) => blobPath(digest);

/**
 * Without one: a config has the name Docker itself gives it. A layer is called what it is by its media type, for tools
 * that go by names; Docker looks at the bytes: gzip since 1.10, zstd since 23.0.
 */
export const dockerPath: PathOf = ({ digest, mediaType }) =>
  isImageConfig(mediaType)
    ? `${encodedOf(digest)}.json`
    : `${encodedOf(digest)}.tar${SUFFIXES[layerCompression(mediaType) ?? 'none']}`;

const SUFFIXES = { none: '', gzip: '.gz', zstd: '.zst' } as const;

/**
 * The content of `manifest.json` (Docker image format 1.2). Names are written as Docker shows them; one that Docker
 * cannot hold, such as a digest without a tag, gives no tag.
 */
export function dockerManifest(images: readonly DockerImage[], pathOf: PathOf): DockerManifestEntry[] {
  return images.map(({ manifest, names }) => {
    const tags = [...new Set(names.flatMap((name) => repoTag(name) ?? []))];
    return {
      Config: pathOf(manifest.config),
      RepoTags: tags.length === 0 ? null : tags,
      Layers: manifest.layers.map(pathOf),
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
