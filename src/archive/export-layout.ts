import { errnoOf, fromSystemError } from '../errors.js';
import type { Store } from '../images/store.js';
import { underLease } from '../images/under-lease.js';
import type { Digest } from '../oci/digest.js';
import { pathOf } from './archive-source.js';
import { LayoutDirectory } from './export/layout-directory.js';
import { blobOpener } from './export/members.js';
import type { ExportedImage, ExportResult, ImageExportOptions } from './export-options.js';
import { planExport } from './export-plan.js';

export interface LayoutExportResult extends ExportResult {
  readonly images: readonly (ExportedImage & {
    /** What the layout had under this name before, if that was something else. */
    readonly previous?: Digest;
  })[];
  /** Blobs of these images, and their bytes. */
  readonly blobs: number;
  readonly size: number;
  /** How many of them were there already. */
  readonly existed: number;
}

/**
 * Writes images into an OCI image layout that is a directory, which is made if it is not there. What hangs on the
 * images goes with them, unless `referrers` is false.
 *
 * A layout that is there keeps what it lists; a name it has already moves. Blobs that it has are not written again.
 * The index is replaced last and in one step, when everything it lists is on the disk: whatever fails, the layout is
 * what it was, and blobs that were written stay for the next attempt. Any number of exports may write to one directory
 * at the same time. There is no `manifest.json`: tools that change the layout would not keep it true.
 *
 * @param directory a path or file URL; its parent must exist
 * @throws {StowageError} INVALID for a directory that holds other things, or is the root of a store; BUSY if its index
 *   stays locked; else as {@link exportArchive}.
 */
export async function exportLayout(
  store: Store,
  names: readonly string[],
  directory: string | URL,
  options: ImageExportOptions = {},
): Promise<LayoutExportResult> {
  options.signal?.throwIfAborted();
  const path = pathOf(directory);
  const { signal, onProgress } = options;
  return underLease(
    store,
    async (view) => {
      const { referrers = true } = options;
      const plan = await planExport(view, names, { ...options, referrers });
      const { blobs } = plan;
      const size = blobs.reduce((sum, blob) => sum + blob.size, 0);
      onProgress?.({ kind: 'total', totalBytes: size, blobs: blobs.length });
      try {
        const layout = await LayoutDirectory.open(path, store.temporaryFiles, { signal });
        const open = blobOpener(plan, view.content, options);
        const existed = await layout.write(blobs, open, { signal }, (kept) =>
          onProgress?.({ kind: 'blob', digest: kept.digest, size: kept.size, existed: true }),
        );
        const added = { names: plan.names, referrers: plan.referrers, refName: options.ociRefName };
        const { previous } = await layout.list(added, { signal });
        const images = plan.images.map((image) => {
          const before = previous.get(image.name);
          return before === undefined ? image : { ...image, previous: before };
        });
        return { images, blobs: blobs.length, size, existed };
      } catch (error) {
        const isDenied = errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM';
        const hint = 'the directory must be writable';
        throw fromSystemError(error, `Cannot write to directory ${JSON.stringify(path)}`, {
          detail: { path },
          ...(isDenied ? { hint } : {}),
        });
      }
    },
    options,
  );
}
