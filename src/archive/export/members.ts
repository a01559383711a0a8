import type { ContentStore } from '../../content/store.js';
import type { Bytes } from '../../io/byte-source.js';
import { descriptorJson, type Descriptor } from '../../oci/descriptor.js';
import { algorithmOf } from '../../oci/digest.js';
import { goJson } from '../../oci/go-json.js';
import { LAYOUT_VERSION } from '../../oci/layout.js';
import { OCI_INDEX } from '../../oci/media-type.js';
import { blobPath } from '../layout/entry-name.js';
import type { ArchiveFormat, ImageExportOptions } from '../export-options.js';
import type { ExportPlan } from '../export-plan.js';
import { dockerManifest, dockerPath, LAYOUT_PATHS } from './docker-manifest.js';
import { indexEntries } from './entry-annotations.js';
import type { TarMember } from './tar-stream.js';

/** Opens the verified bytes of a blob that is exported, and tells of its progress. */
export type OpenBlob = (blob: Descriptor) => Bytes;

/** The bytes of `oci-layout`. */
export const LAYOUT_FILE: Uint8Array = Buffer.from(goJson({ imageLayoutVersion: LAYOUT_VERSION }));

/** Everything a tar of this format consists of, in the order in which it is written: what says what follows first. */
export function membersOf(
  plan: ExportPlan,
  format: ArchiveFormat,
  open: OpenBlob,
  options: ImageExportOptions,
): TarMember[] {
  return format === 'docker' ? dockerMembers(plan, open) : layoutMembers(plan, format, open, options);
}

/** Blobs that a tar of this format holds. */
export function blobsIn(plan: ExportPlan, format: ArchiveFormat): readonly Descriptor[] {
  if (format !== 'docker') return plan.blobs;
  return [...dockerFiles(plan).values()];
}

/** Reads blobs from the store, or from the plan what was made for it. */
export function blobOpener(
  plan: Pick<ExportPlan, 'documents'>,
  content: ContentStore,
  { signal, onProgress }: ImageExportOptions,
): OpenBlob {
  return async function* (blob) {
    const { digest, size } = blob;
    const made = plan.documents.get(digest);
    for await (const chunk of made === undefined ? content.read(blob, { signal }) : once(made)) {
      onProgress?.({ kind: 'bytes', count: chunk.byteLength });
      yield chunk;
    }
    onProgress?.({ kind: 'blob', digest, size, existed: false });
  };
}

function layoutMembers(
  plan: ExportPlan,
  format: ArchiveFormat,
  open: OpenBlob,
  options: ImageExportOptions,
): TarMember[] {
  const members = [fileMember('oci-layout', 0o444, LAYOUT_FILE)];
  const named = new Set(plan.names.map(({ target }) => target.digest));
  const referrers = plan.referrers.filter(({ digest, annotations }) => annotations || !named.has(digest));
  const entries = [...indexEntries(plan.names, options.ociRefName), ...referrers];
  const manifests = entries.map(descriptorJson);
  members.push(jsonMember('index.json', { schemaVersion: 2, mediaType: OCI_INDEX, manifests }));
  if (format === 'hybrid' && plan.dockerImages.length > 0) {
    members.push(jsonMember('manifest.json', dockerManifest(plan.dockerImages, LAYOUT_PATHS)));
  }
  const algorithms = new Set(plan.blobs.map(({ digest }) => algorithmOf(digest)));
  members.push(folder('blobs/'), ...[...algorithms].sort().map((algorithm) => folder(`blobs/${algorithm}/`)));
  return [...members, ...plan.blobs.map((blob) => blobMember(plan, blobPath(blob.digest), blob, open))];
}

function dockerMembers(plan: ExportPlan, open: OpenBlob): TarMember[] {
  const members = [jsonMember('manifest.json', dockerManifest(plan.dockerImages, dockerPath))];
  return [...members, ...[...dockerFiles(plan)].map(([path, blob]) => blobMember(plan, path, blob, open))];
}

/** What a Docker archive holds beside its list, by path: configs, then layers. */
function dockerFiles({ dockerImages }: ExportPlan): Map<string, Descriptor> {
  const manifests = dockerImages.map(({ manifest }) => manifest);
  const blobs = [...manifests.map(({ config }) => config), ...manifests.flatMap(({ layers }) => layers)];
  return new Map(blobs.map((blob) => [dockerPath(blob), blob]));
}

function jsonMember(name: string, value: unknown): TarMember {
  return fileMember(name, 0o644, Buffer.from(goJson(value)));
}

function fileMember(name: string, mode: number, bytes: Uint8Array): TarMember {
  return { name, type: 'file', mode, size: bytes.byteLength, content: () => once(bytes) };
}

function folder(name: string): TarMember {
  return { name, type: 'directory', mode: 0o755, size: 0, content: () => once(new Uint8Array()) };
}

function blobMember({ documents }: ExportPlan, name: string, blob: Descriptor, open: OpenBlob): TarMember {
  const isStored = !documents.has(blob.digest);
  const content = () => open(blob);
  return { name, type: 'file', mode: 0o444, size: blob.size, content, ...(isStored ? { blob } : {}) };
}

async function* once(bytes: Uint8Array): Bytes {
  if (bytes.byteLength > 0) yield bytes;
}
