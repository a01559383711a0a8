import type { Digest } from '../oci/digest.js';

/**
 * What an operation that moves content tells while it runs. Totals count bytes of blobs, are exact once they are
 * known, and are told again when more becomes known (an archive from a pipe has no total at first).
 */
export type ProgressEvent =
  /** The work is `totalBytes` in `blobs` blobs; undefined while not known. */
  | { readonly kind: 'total'; readonly totalBytes: number | undefined; readonly blobs: number | undefined }
  /** So many more bytes were moved. */
  | { readonly kind: 'bytes'; readonly count: number }
  /** A blob is done; `existed` if its bytes were not needed. */
  | { readonly kind: 'blob'; readonly digest: Digest; readonly size: number; readonly existed: boolean }
  /** Something a person should know that is not an error; one line. */
  | { readonly kind: 'warning'; readonly message: string };

export type OnProgress = (event: ProgressEvent) => void;
