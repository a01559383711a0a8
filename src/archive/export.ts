import type { FileHandle } from 'node:fs/promises';
import { isSliceSource } from '../content/slices.js';
import { StowageError } from '../errors.js';
import { layerCompression } from '../oci/media-type.js';
import type { Store } from '../images/store.js';
import type { Bytes } from '../io/byte-source.js';
import { readAhead } from '../io/read-ahead.js';
import { compress } from '../io/compression/compress.js';
import { underLease } from '../images/under-lease.js';
import { pathOf } from './archive-source.js';
import { blobOpener, blobsIn, membersOf } from './export/members.js';
import { writeAtOffsets } from './export/write-at-offsets.js';
import { writeStream } from './export/write-stream.js';
import { writeTarget } from './export/target-file.js';
import { tarStream } from './export/tar-stream.js';
import type { ArchiveFormat, ExportedImage, ExportOptions, ExportResult } from './export-options.js';
import { planExport, type ExportPlan } from './export-plan.js';

/** Where an archive may go: a path or file URL, or a stream that takes chunks of bytes. */
export type ArchiveSink = string | URL | NodeJS.WritableStream | WritableStream<Uint8Array>;

/** What is read and hashed while whoever takes the archive is still busy with what came before. */
const AHEAD_BYTES = 4 << 20;

/**
 * Writes images as one archive, by default one that every tool reads: an OCI image layout with Docker's
 * `manifest.json` beside it, the index first. Its bytes depend on the names in their order, on what they point to and
 * on the options, and on nothing else. Media types and content are never changed; every blob is verified as it leaves.
 *
 * A file is replaced only when the archive is complete and on the disk, and every blob in it was hashed on its way there
 * and has the digest and size it should. A pipe or device is written straight through, with the last bytes of each blob
 * held back until all of the blob was found to be right.
 * Whatever fails, what was written by then cannot be taken for a whole archive. A Node or Web stream is ended when the
 * archive is complete, and destroyed or aborted if it fails.
 *
 * @throws {StowageError} NOT_FOUND for a name, manifest or platform that is not there; INVALID for a damaged image,
 *   or one that the format cannot hold; CORRUPT if the store holds something else than it says; BUSY if others keep
 *   changing the names; what the system says of a path.
 */
export async function exportArchive(
  store: Store,
  names: readonly string[],
  sink: ArchiveSink,
  options: ExportOptions = {},
): Promise<ExportResult> {
  options.signal?.throwIfAborted();
  const format = formatOf(options);
  return underLease(
    store,
    async (view) => {
      const plan = await planExport(view, names, options);
      if (format === 'docker') checkDocker(plan, options);
      const open = blobOpener(plan, view.content, options);
      const members = membersOf(plan, format, open, options);
      const blobs = blobsIn(plan, format);
      const totalBytes = blobs.reduce((sum, { size }) => sum + size, 0);
      options.onProgress?.({ kind: 'total', totalBytes, blobs: blobs.length });
      const tar = tarStream(members, options.signal);
      const size = { count: 0 };
      const written = options.compress ? compress(tar, options.compress, options) : tar;
      const chunks = counting(readAhead(written, AHEAD_BYTES), size);
      if (typeof sink === 'string' || sink instanceof URL) {
        const { content } = view;
        // Compressed, nothing has a place that is known beforehand.
        const fill =
          options.compress === undefined && isSliceSource(content)
            ? async (file: FileHandle) => (size.count = await writeAtOffsets(file, members, content, options))
            : undefined;
        await writeTarget(pathOf(sink), { chunks, fill }, store.temporaryFiles, options);
      } else {
        await writeStream(sink, chunks, options);
      }
      const images = format === 'docker' ? plan.images.map((image) => inDocker(image, plan)) : plan.images;
      return { images, blobs: blobs.length, size: size.count };
    },
    options,
  );
}

async function* counting(chunks: Bytes, bytes: { count: number }): Bytes {
  for await (const chunk of chunks) {
    bytes.count += chunk.byteLength;
    yield chunk;
  }
}

function formatOf(options: ExportOptions): ArchiveFormat {
  const { format, skipManifestJson = false } = options;
  const refuse = (problem: string, hint: string) =>
    new StowageError('INVALID', `Cannot export an archive: ${problem}`, { hint });
  if (skipManifestJson) {
    if (format === 'docker' || format === 'hybrid') {
      throw refuse(
        `the format ${format} has a manifest.json, which is to be left out`,
        'leave one of them out',
      );
    }
    return 'oci';
  }
  if (format !== 'docker') return format ?? 'hybrid';
  const layoutOnly = (['ociRefName', 'reduceIndex', 'referrers'] as const).find(
    (key) => options[key] !== undefined && options[key] !== false,
  );
  if (layoutOnly !== undefined) {
    throw refuse(`${layoutOnly} is about an index, and the format docker has none`, 'leave one of them out');
  }
  if ((options.platforms?.length ?? 0) > 1) {
    throw refuse('the format docker holds one platform of an image', 'export the platforms one by one');
  }
  return 'docker';
}

/** @throws {StowageError} INVALID for an image of which nothing would be in the archive. */
function checkDocker({ images, dockerImages }: ExportPlan, { onProgress }: ExportOptions): void {
  for (const { name, target } of images) {
    const image = dockerImages.find(({ names }) => names.includes(name));
    if (image === undefined) {
      throw new StowageError(
        'INVALID',
        `Cannot export ${JSON.stringify(name)} in the format docker: nothing in it is an image that Docker could load`,
        { detail: { name, digest: target.digest }, hint: 'other formats hold everything' },
      );
    }
    if (image.manifest.layers.some(({ mediaType }) => layerCompression(mediaType) === 'zstd')) {
      const message = `${JSON.stringify(name)} has layers compressed with zstd, which Docker reads since version 23`;
      onProgress?.({ kind: 'warning', message });
    }
  }
}

/** A Docker archive holds one manifest of an image, whatever else of it is complete. */
function inDocker(image: ExportedImage, { dockerImages }: ExportPlan): ExportedImage {
  const digest = dockerImages.find(({ names }) => names.includes(image.name))?.digest;
  const platforms = image.platforms.map((platform) =>
    platform.digest === digest || platform.state === 'absent'
      ? platform
      : { ...platform, state: 'left-out' as const },
  );
  return { ...image, platforms };
}
