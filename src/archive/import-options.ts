import type { CallOptions, Labels } from '../content/store.js';
import type { SelectedPlatform } from '../content/platform-selection.js';
import type { OnProgress } from '../content/progress.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { Platform } from '../oci/platform.js';

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
  /** Every platform of every image must be complete. @default false */
  readonly allPlatforms?: boolean | undefined;
  /** For names from the archive; names given by the caller always move. @default 'error' */
  readonly onConflict?: ConflictPolicy | undefined;
  /** Keep blobs that nothing in the archive refers to as well, held by the image records. @default false */
  readonly allBlobs?: boolean | undefined;
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

export interface ImportResult {
  /** In the order of the archive's index. Empty only for an archive that holds no image. */
  readonly images: readonly ImportedImage[];
  readonly blobs: { readonly written: number; readonly existed: number };
  readonly bytes: { readonly written: number; readonly existed: number };
}
