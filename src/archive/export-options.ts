import type { CallOptions } from '../content/store.js';
import type { SelectedPlatform } from '../content/platform-selection.js';
import type { OnProgress } from '../content/progress.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';

export interface ExportOptions extends CallOptions {
  /** Export these platforms only; each must be complete. @default every complete platform */
  readonly platforms?: readonly Platform[] | undefined;
  /** Every platform of every image must be complete. @default false */
  readonly allPlatforms?: boolean | undefined;
  /** Write a pure OCI layout, without the `manifest.json` that Docker reads. @default false */
  readonly skipManifestJson?: boolean | undefined;
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

export interface ExportResult {
  readonly images: readonly {
    readonly name: string;
    readonly target: Descriptor;
    readonly platforms: readonly SelectedPlatform[];
  }[];
  readonly blobs: number;
  /** Bytes of the archive as written. */
  readonly size: number;
}
