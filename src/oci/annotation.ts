/** Annotation keys with a meaning the project acts on. */

/** The name of an image inside a layout or an archive; most often only its tag (image-spec annotations.md). */
export const REF_NAME = 'org.opencontainers.image.ref.name';

/** The full name of an image, as containerd writes it next to {@link REF_NAME}. */
export const IMAGE_NAME = 'io.containerd.image.name';

/** The digest of the manifest that this descriptor is a referrer of; containerd adds it while it walks. */
export const MANIFEST_SUBJECT = 'io.containerd.manifest.subject';

/** The digest of the image manifest that an attestation in the same index speaks of. */
export const DOCKER_REFERENCE_DIGEST = 'vnd.docker.reference.digest';

/** What such an entry is, see {@link ATTESTATION_MANIFEST}. */
export const DOCKER_REFERENCE_TYPE = 'vnd.docker.reference.type';

/** The value of {@link DOCKER_REFERENCE_TYPE} for provenance and bills of materials. */
export const ATTESTATION_MANIFEST = 'attestation-manifest';

/** Prefix of the keys that say which repositories of a registry are known to hold a blob. */
export const DISTRIBUTION_SOURCE_PREFIX = 'containerd.io/distribution.source';
