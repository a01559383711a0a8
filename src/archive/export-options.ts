import type { CallOptions } from '../content/store.js';
import type { RequiredPlatforms, SelectedPlatform } from '../content/platform-selection.js';
import type { OnProgress } from '../content/progress.js';
import type { WritableCompression } from '../io/compression/compress.js';
import type { CopyLanesOptions } from '../io/copy-lanes.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';

/** What is exported of the images that are named, whatever it is written to. */
export interface ImageExportOptions extends CallOptions {
  /** Export these platforms only; each must be complete. @default every complete platform */
  readonly platforms?: readonly Platform[] | undefined;
  /** Every platform of every image must be complete, unless `require` says otherwise. @default false */
  readonly allPlatforms?: boolean | undefined;
  /** Which platforms must be complete in any case. @default 'present': whatever is not absent */
  readonly require?: RequiredPlatforms | undefined;
  /**
   * Export what is there of images that are damaged, and leave those out of which nothing is there; the result says
   * what is missing. Names must exist all the same. @default false: that is an error
   */
  readonly skipMissing?: boolean | undefined;
  /**
   * Rewrite indexes so that they list only what is exported. An image whose index changes by that gets a new digest.
   * @default false: indexes are exported as they are, and what they list may be absent
   */
  readonly reduceIndex?: boolean | undefined;
  /**
   * Export what refers to the images as well: signatures, attestations, bills of materials. In a tar each is one more
   * entry of the index, and some tools read only tars with one. @default false for a tar, true for a directory
   */
  readonly referrers?: boolean | undefined;
  /** Leave layers out that may not be distributed. @default false */
  readonly skipNonDistributable?: boolean | undefined;
  /** `org.opencontainers.image.ref.name` of the one image that is exported. @default its tag */
  readonly ociRefName?: string | undefined;
  /** Export this manifest instead of the target of the one name, under that name. */
  readonly manifest?: Digest | undefined;
  /** Media type of `manifest`. @default 'application/vnd.oci.image.manifest.v1+json' */
  readonly manifestType?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * What a tar is for. `hybrid`: an OCI layout with Docker's `manifest.json` beside it, which everything reads. `oci`: the
 * layout alone. `docker`: what `docker load` reads since Docker 1.10, and nothing else; one platform an image, and no
 * manifest, so that whoever reads it makes up a new one.
 */
export type ArchiveFormat = 'hybrid' | 'oci' | 'docker';

/** Its threads copy blobs where the target is a file; the bytes are the same with any number of them. */
export interface ExportOptions extends ImageExportOptions, CopyLanesOptions {
  /** @default 'hybrid' */
  readonly format?: ArchiveFormat | undefined;
  /** The format `oci` by another name. @default false */
  readonly skipManifestJson?: boolean | undefined;
  /** Compress the whole archive. The bytes stay the same for one version of the compressor. @default not compressed */
  readonly compress?: WritableCompression | undefined;
}

/** What of one platform went out: as selected, or `damaged` where it lacks something that was to be skipped. */
export type ExportedPlatform = Omit<SelectedPlatform, 'state'> & {
  readonly state: SelectedPlatform['state'] | 'damaged';
};

export interface ExportedImage {
  readonly name: string;
  /** What the name points to in what was written. */
  readonly target: Descriptor;
  /** What it points to in the store, if its index was reduced. */
  readonly reducedFrom?: Digest;
  readonly platforms: readonly ExportedPlatform[];
  /** Blobs that were skipped because the store lacks them. */
  readonly missing: readonly Digest[];
  /** Whether nothing of it is there, so that it was skipped as a whole. */
  readonly leftOut: boolean;
  /** What refers to it and was exported with it. */
  readonly referrers: readonly Digest[];
}

export interface ExportResult {
  readonly images: readonly ExportedImage[];
  readonly blobs: number;
  /** Bytes of the archive as written. */
  readonly size: number;
}
