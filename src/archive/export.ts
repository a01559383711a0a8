import type { Store } from '../images/store.js';
import { underLease } from '../images/under-lease.js';
import type { ContentStore } from '../content/store.js';
import type { Bytes } from '../io/byte-source.js';
import { descriptorJson, type Descriptor } from '../oci/descriptor.js';
import { algorithmOf } from '../oci/digest.js';
import { goJson } from '../oci/go-json.js';
import { LAYOUT_VERSION } from '../oci/layout.js';
import { OCI_INDEX } from '../oci/media-type.js';
import { pathOf } from './archive-source.js';
import { indexEntries } from './export/entry-annotations.js';
import { dockerManifest } from './export/docker-manifest.js';
import { writeStream } from './export/write-stream.js';
import { writeTarget } from './export/target-file.js';
import { tarSize, tarStream, type TarMember } from './export/tar-stream.js';
import type { ExportOptions, ExportResult } from './export-options.js';
import { planExport, type ExportPlan } from './export-plan.js';
import { blobPath } from './layout/entry-name.js';

/** Where an archive may go: a path or file URL, or a stream that takes chunks of bytes. */
export type ArchiveSink = string | URL | NodeJS.WritableStream | WritableStream<Uint8Array>;

/**
 * Writes images as one archive that every tool reads: an OCI image layout with Docker's `manifest.json` beside it, the
 * index first. Its bytes depend on the names in their order, on what they point to and on the options, and on nothing
 * else. Media types and content are never changed; every blob is verified as it leaves.
 *
 * A file is replaced only when the archive is complete and on the disk; a pipe or device is written straight through.
 * Whatever fails, what was written by then cannot be taken for a whole archive. A Node or Web stream is ended when the
 * archive is complete, and destroyed or aborted if it fails.
 *
 * @throws {StowageError} NOT_FOUND for a name, manifest or platform that is not there; INVALID for a damaged image;
 *   CORRUPT if the store holds something else than it says; what the system says of a path.
 */
export async function exportArchive(
  store: Store,
  names: readonly string[],
  sink: ArchiveSink,
  options: ExportOptions = {},
): Promise<ExportResult> {
  options.signal?.throwIfAborted();
  return underLease(
    store,
    async (view) => {
      const plan = await planExport(view.images, view.content, names, options);
      const members = membersOf(plan, view.content, options);
      const { totalBytes, blobs } = { totalBytes: sumOf(plan.blobs), blobs: plan.blobs.length };
      options.onProgress?.({ kind: 'total', totalBytes, blobs });
      const chunks = tarStream(members, options.signal);
      if (typeof sink === 'string' || sink instanceof URL) {
        await writeTarget(pathOf(sink), chunks, store.temporaryFiles, options);
      } else {
        await writeStream(sink, chunks, options);
      }
      return { images: plan.images, blobs, size: tarSize(members) };
    },
    options,
  );
}

function membersOf(plan: ExportPlan, content: ContentStore, options: ExportOptions): TarMember[] {
  const members = [jsonMember('oci-layout', 0o444, { imageLayoutVersion: LAYOUT_VERSION })];
  const manifests = indexEntries(plan.images, options.ociRefName).map(descriptorJson);
  members.push(jsonMember('index.json', 0o644, { schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  if (options.skipManifestJson !== true && plan.dockerImages.length > 0) {
    members.push(jsonMember('manifest.json', 0o644, dockerManifest(plan.dockerImages)));
  }
  const algorithms = new Set(plan.blobs.map(({ digest }) => algorithmOf(digest)));
  members.push(folder('blobs/'), ...[...algorithms].sort().map((algorithm) => folder(`blobs/${algorithm}/`)));
  return [...members, ...plan.blobs.map((blob) => blobMember(blob, content, options))];
}

function jsonMember(name: string, mode: number, value: unknown): TarMember {
  const bytes = Buffer.from(goJson(value));
  return { name, type: 'file', mode, size: bytes.byteLength, content: () => once(bytes) };
}

function folder(name: string): TarMember {
  return { name, type: 'directory', mode: 0o755, size: 0, content: () => once(new Uint8Array()) };
}

function blobMember(blob: Descriptor, content: ContentStore, options: ExportOptions): TarMember {
  const { digest, size } = blob;
  const { signal, onProgress } = options;
  return {
    name: blobPath(digest),
    type: 'file',
    mode: 0o444,
    size,
    content: async function* () {
      for await (const chunk of content.read(blob, { signal })) {
        onProgress?.({ kind: 'bytes', count: chunk.byteLength });
        yield chunk;
      }
      onProgress?.({ kind: 'blob', digest, size, existed: false });
    },
  };
}

async function* once(bytes: Uint8Array): Bytes {
  if (bytes.byteLength > 0) yield bytes;
}

function sumOf(blobs: readonly Descriptor[]): number {
  return blobs.reduce((sum, { size }) => sum + size, 0);
}
