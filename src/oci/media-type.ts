/** The media types of images and what they say about content (image-spec media-types.md and Docker's own). */

export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_CONFIG = 'application/vnd.oci.image.config.v1+json';
export const OCI_LAYER = 'application/vnd.oci.image.layer.v1.tar';
export const OCI_LAYER_GZIP = 'application/vnd.oci.image.layer.v1.tar+gzip';
export const OCI_LAYER_ZSTD = 'application/vnd.oci.image.layer.v1.tar+zstd';
export const OCI_NON_DISTRIBUTABLE_LAYER = 'application/vnd.oci.image.layer.nondistributable.v1.tar';
export const OCI_NON_DISTRIBUTABLE_LAYER_GZIP =
  'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip';
export const OCI_NON_DISTRIBUTABLE_LAYER_ZSTD =
  'application/vnd.oci.image.layer.nondistributable.v1.tar+zstd';
export const OCI_DESCRIPTOR = 'application/vnd.oci.descriptor.v1+json';
export const OCI_LAYOUT_HEADER = 'application/vnd.oci.layout.header.v1+json';
/** Two bytes, `{}`: the config or layer of an artifact that has none. */
export const OCI_EMPTY = 'application/vnd.oci.empty.v1+json';

export const DOCKER_MANIFEST_LIST = 'application/vnd.docker.distribution.manifest.list.v2+json';
export const DOCKER_MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';
export const DOCKER_CONFIG = 'application/vnd.docker.container.image.v1+json';
export const DOCKER_PLUGIN_CONFIG = 'application/vnd.docker.plugin.v1+json';
export const DOCKER_LAYER = 'application/vnd.docker.image.rootfs.diff.tar';
export const DOCKER_LAYER_GZIP = 'application/vnd.docker.image.rootfs.diff.tar.gzip';
export const DOCKER_LAYER_ZSTD = 'application/vnd.docker.image.rootfs.diff.tar.zstd';
export const DOCKER_FOREIGN_LAYER = 'application/vnd.docker.image.rootfs.foreign.diff.tar';
export const DOCKER_FOREIGN_LAYER_GZIP = 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip';
/** Manifests of Docker before 2016: recognised, and refused. */
export const DOCKER_SCHEMA1 = 'application/vnd.docker.distribution.manifest.v1+json';
export const DOCKER_SCHEMA1_SIGNED = 'application/vnd.docker.distribution.manifest.v1+prettyjws';

export const CONTAINERD_CHECKPOINT = 'application/vnd.containerd.container.criu.checkpoint.criu.tar';
export const CONTAINERD_CHECKPOINT_CONFIG = 'application/vnd.containerd.container.checkpoint.config.v1+proto';
export const EROFS_LAYER = 'application/vnd.erofs.layer.v1';
export const IN_TOTO = 'application/vnd.in-toto+json';

/** What a descriptor points to, as far as its media type says. Artifacts bring types of their own: `other`. */
export type Kind = 'index' | 'manifest' | 'config' | 'layer' | 'other';

const OCI_LAYER_PREFIX = 'application/vnd.oci.image.layer.';
const NON_DISTRIBUTABLE_PREFIXES = [
  'application/vnd.oci.image.layer.nondistributable.',
  'application/vnd.docker.image.rootfs.foreign.',
];

const KINDS: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  [OCI_INDEX, 'index'],
  [DOCKER_MANIFEST_LIST, 'index'],
  [OCI_MANIFEST, 'manifest'],
  [DOCKER_MANIFEST, 'manifest'],
  [OCI_CONFIG, 'config'],
  [DOCKER_CONFIG, 'config'],
  [CONTAINERD_CHECKPOINT, 'config'],
  [CONTAINERD_CHECKPOINT_CONFIG, 'config'],
]);

const DOCKER_LAYERS: ReadonlySet<string> = new Set([
  DOCKER_LAYER,
  DOCKER_LAYER_GZIP,
  DOCKER_LAYER_ZSTD,
  DOCKER_FOREIGN_LAYER,
  DOCKER_FOREIGN_LAYER_GZIP,
  EROFS_LAYER,
]);

/** Exact comparison, as registries and containerd have it: no parameters, no change of case. */
export function kindOf(mediaType: string): Kind {
  return KINDS.get(mediaType) ?? (isLayer(mediaType) ? 'layer' : 'other');
}

/** Whether the content is a layer of an image. Suffixes after `+` do not matter. */
export function isLayer(mediaType: string): boolean {
  return mediaType.startsWith(OCI_LAYER_PREFIX) || DOCKER_LAYERS.has(withoutSuffixes(mediaType));
}

/** Whether the content is the configuration of an image that runs (not of a checkpoint, plugin or artifact). */
export function isImageConfig(mediaType: string): boolean {
  return mediaType === OCI_CONFIG || mediaType === DOCKER_CONFIG;
}

/** Whether the content is one of Docker's manifests before schema 2. */
export function isSchema1(mediaType: string): boolean {
  return mediaType === DOCKER_SCHEMA1 || mediaType === DOCKER_SCHEMA1_SIGNED;
}

/** Whether the licence of a layer may forbid to hand it on, so that it is often left out and fetched from `urls`. */
export function isNonDistributable(mediaType: string): boolean {
  return NON_DISTRIBUTABLE_PREFIXES.some((prefix) => mediaType.startsWith(prefix));
}

/** Parts of a media type after its first `+`: `tar+gzip+encrypted` has `gzip` and `encrypted`. */
export function suffixesOf(mediaType: string): readonly string[] {
  return mediaType.split('+').slice(1);
}

export type LayerCompression = 'none' | 'gzip' | 'zstd';

/**
 * How the bytes of a layer are compressed according to its media type; undefined if it is no layer, or one whose
 * type does not say (encrypted layers, unknown suffixes). Archives and registries are known to mislabel zstd as
 * gzip: what is going to be unpacked is to be looked at, not believed.
 */
export function layerCompression(mediaType: string): LayerCompression | undefined {
  if (!isLayer(mediaType)) return undefined;
  const suffixes = suffixesOf(mediaType);
  const [suffix] = suffixes;
  const base = withoutSuffixes(mediaType);
  if (suffixes.length > 1) return undefined;
  if (suffix !== undefined) return suffix === 'gzip' || suffix === 'zstd' ? suffix : undefined;
  if (base.endsWith('.gzip')) return 'gzip';
  if (base.endsWith('.zstd')) return 'zstd';
  return 'none';
}

function withoutSuffixes(mediaType: string): string {
  const plus = mediaType.indexOf('+');
  return plus === -1 ? mediaType : mediaType.slice(0, plus);
}
