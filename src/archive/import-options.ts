import type { CallOptions, Labels } from '../content/store.js';
import type { PlatformReport } from '../content/platform-report.js';
import type { RequiredPlatforms, SelectedPlatform } from '../content/platform-selection.js';
import type { OnProgress } from '../content/progress.js';
import type { StowageError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';
import type { PlannedOutcome } from './import-plan-image.js';
import type { ReferrerReport } from './import-referrers.js';

/** What happens to a name from the archive that the store has already, with another target. */
export type ConflictPolicy = 'error' | 'move' | 'skip';

export interface ImportOptions extends CallOptions {
  /**
   * The founding form: name one image of the archive `ref`. Which one is said by the object of `ref` (tag or
   * digest), or by `refObject`. Without `ref`, names come from the archive.
   */
  readonly ref?: string | undefined;
  /** Tag, digest or full name of the image inside the archive. Only with `ref`. @default the object of `ref` */
  readonly refObject?: string | undefined;
  /**
   * Repository for entries that only have a tag, or no name. Entries with a full name outside it are left out.
   * @default `import-YYYY-MM-DD`, and then nothing is left out
   */
  readonly baseName?: string | undefined;
  /** Give every entry the name `<base>@<digest>` as well, and the archive's own index. @default false */
  readonly digests?: boolean | undefined;
  /** With `digests`, only entries without another name get one. @default false */
  readonly skipDigestForNamed?: boolean | undefined;
  /** Name the archive's own index as one image. */
  readonly indexName?: string | undefined;
  /** Set on every record that is written. */
  readonly labels?: Labels | undefined;
  /** Import these platforms only; each must be complete. @default every complete platform */
  readonly platforms?: readonly Platform[] | undefined;
  /** Every platform of every image must be complete: `require: 'all'`, where `require` is not given. @default false */
  readonly allPlatforms?: boolean | undefined;
  /** Platforms of every image that must be complete, whether they are imported or not. @default 'present' */
  readonly require?: RequiredPlatforms | undefined;
  /** For names from the archive; names given by the caller always move. @default 'error' */
  readonly onConflict?: ConflictPolicy | undefined;
  /**
   * For a name that several images of the archive have: nobody gets it, the last one, or the first.
   * @default the same as `onConflict`
   */
  readonly onDuplicate?: ConflictPolicy | undefined;
  /**
   * Import what is sound of an archive although other images of it are refused; the result says which, and why. What
   * is wrong with the archive as a whole still ends the import. @default false
   */
  readonly keepGoing?: boolean | undefined;
  /** Keep blobs that nothing in the archive refers to as well, held by the image records. @default false */
  readonly allBlobs?: boolean | undefined;
  /**
   * Compress the plain layers of Docker's archives by gzip while they are taken in; the manifests made up for such an
   * archive then list what is compressed, so its digests are others. @default false
   */
  readonly compressBlobs?: boolean | undefined;
  /** How messages call an archive that has no path. @default 'the archive stream' */
  readonly archiveName?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface ImportedImage {
  readonly name: string;
  readonly target: Descriptor;
  /** What became of the name. */
  readonly outcome: 'created' | 'moved' | 'unchanged' | 'skipped';
  /** Where the name pointed before, if it moved or was skipped. */
  readonly previous?: Digest;
  /** Whether the archive had no name for it, so that `<base>@<digest>` was made up. */
  readonly unnamed: boolean;
  readonly platforms: readonly SelectedPlatform[];
}

/** An image that was not imported, and why. */
export interface RefusedImage {
  readonly name: string;
  readonly target: Descriptor;
  readonly error: StowageError;
}

export interface ImportResult {
  /** In the order of the archive's index. Empty only for an archive that holds no image, or only refused ones. */
  readonly images: readonly ImportedImage[];
  /** Only with `keepGoing`. */
  readonly refused: readonly RefusedImage[];
  /** What hangs on images: signatures, attestations, bills of materials. */
  readonly referrers: readonly ReferrerReport[];
  readonly blobs: { readonly written: number; readonly existed: number };
  readonly bytes: { readonly written: number; readonly existed: number };
}

/** One image, as an import would take it in. */
export interface ReportedImage {
  readonly name: string;
  readonly target: Descriptor;
  /** What would become of the name; where it is `conflict` or `refused`, nothing, and `error` says why. */
  readonly outcome: PlannedOutcome;
  /** Where the name points now, if it would move or stay there; or what else of the archive would get it. */
  readonly previous?: Digest;
  readonly unnamed: boolean;
  readonly platforms: readonly PlatformReport[];
  readonly error?: StowageError;
}

/** Blobs, and their sizes in bytes. */
export interface Amount {
  readonly blobs: number;
  readonly bytes: number;
}

/** What an import would do, had it been one. */
export interface ImportReport {
  readonly images: readonly ReportedImage[];
  readonly referrers: readonly ReferrerReport[];
  /** What would be written. */
  readonly write: Amount;
  /** What would be needed as well, and is in the store already. */
  readonly held: Amount;
  /** What the archive has beside that. */
  readonly leftOut: Amount;
}
