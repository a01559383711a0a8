import { IMAGE_NAME, REF_NAME } from '../../oci/annotation.js';
import { isStowageError } from '../../errors.js';
import { digestOf } from '../../io/hash.js';
import { descriptorJson, type Descriptor } from '../../oci/descriptor.js';
import { dockerString, parseDockerRef } from '../../oci/docker-reference.js';
import { goJson } from '../../oci/go-json.js';
import type { ImageConfig } from '../../oci/image-config.js';
import { ociRefName } from '../../oci/image-name.js';
import {
  DOCKER_CONFIG,
  DOCKER_LAYER,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_LAYER,
  OCI_LAYER_GZIP,
  OCI_LAYER_ZSTD,
  OCI_MANIFEST,
} from '../../oci/media-type.js';
import { normalizePlatform, type Platform } from '../../oci/platform.js';
import type { DockerLayer } from './layer.js';

/** A document that was made up, and the descriptor of its bytes. */
export interface Made {
  readonly descriptor: Descriptor;
  readonly raw: Uint8Array;
}

const DOCKER_TYPES = {
  manifest: DOCKER_MANIFEST,
  config: DOCKER_CONFIG,
  layer: { none: DOCKER_LAYER, gzip: DOCKER_LAYER_GZIP },
} as const;

const OCI_TYPES = {
  manifest: OCI_MANIFEST,
  config: OCI_CONFIG,
  layer: { none: OCI_LAYER, gzip: OCI_LAYER_GZIP, zstd: OCI_LAYER_ZSTD },
} as const;

/**
 * The manifest of an image of a Docker archive, byte for byte what containerd 2 makes up for it where it holds nothing
 * yet, so that both give it the same digest. Docker has no type for layers of zstd that others know: an image with one
 * gets the types of OCI.
 */
export function makeManifest(
  config: ImageConfig,
  layers: readonly DockerLayer[],
): Made & { config: Descriptor } {
  const types = layers.some(({ compression }) => compression === 'zstd') ? OCI_TYPES : DOCKER_TYPES;
  const layerTypes: Readonly<Record<string, string>> = types.layer;
  const configDescriptor: Descriptor = {
    mediaType: types.config,
    digest: digestOf(config.raw),
    size: config.raw.byteLength,
  };
  const made = make(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptorJson(configDescriptor),
    layers: layers.map(({ compression, digest, file }) => ({
      mediaType: layerTypes[compression],
      digest,
      size: file.size,
    })),
  });
  return { ...made, config: configDescriptor };
}

/** The index of a Docker archive, as containerd 2 makes it up: an entry a name, one without a name if there is none. */
export function makeIndex(
  images: readonly {
    readonly manifest: Descriptor;
    readonly platform: Platform;
    readonly repoTags: readonly string[];
  }[],
): Made {
  const entries = images.flatMap(({ manifest, platform, repoTags }) => {
    const descriptor: Descriptor = { ...manifest, platform: normalizePlatform(platform) };
    const names = repoTags.map(imageName).filter((name) => name !== undefined);
    if (names.length === 0) return [descriptor];
    return names.map((name): Descriptor => {
      const annotations = { [IMAGE_NAME]: name, [REF_NAME]: ociRefName(name) };
      return { ...descriptor, annotations };
    });
  });
  return make(OCI_INDEX, {
    schemaVersion: 2,
    manifests: entries.length === 0 ? null : entries.map(descriptorJson),
  });
}

/** What Docker writes for an image without a name. */
const NO_NAME = '<none>:<none>';

/** The full name that Docker means; a name that breaks its grammar is taken as it stands. */
function imageName(repoTag: string): string | undefined {
  if (repoTag === '' || repoTag === NO_NAME) return undefined;
  try {
    return dockerString(parseDockerRef(repoTag));
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return repoTag;
  }
}

function make(mediaType: string, value: object): Made {
  const raw = Buffer.from(goJson(value));
  return { raw, descriptor: { mediaType, digest: digestOf(raw), size: raw.byteLength } };
}
