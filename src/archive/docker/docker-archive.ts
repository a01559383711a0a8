import type { Labels } from '../../content/store.js';
import { StowageError } from '../../errors.js';
import { digestOf } from '../../io/hash.js';
import { algorithmOf, isDigest, type Digest } from '../../oci/digest.js';
import { parseImageConfig } from '../../oci/image-config.js';
import { JSON_LIMIT } from '../../oci/json.js';
import { parseDocument } from '../../oci/manifest.js';
import { OCI_INDEX } from '../../oci/media-type.js';
import type { ArchiveContents } from '../layout/archive-contents.js';
import { blobsIn, fileOfBytes, type ArchiveFile } from '../layout/archive-file.js';
import type { LayoutOptions, SeenArchive } from '../layout/contents.js';
import { quote } from '../tar/text.js';
import { compressLayers } from './compress-layers.js';
import { readLegacyImages } from './legacy.js';
import { LayerReader, type LayerPart } from './layer.js';
import { parseDockerManifest, type DockerEntry } from './manifest-file.js';
import { cleanPath } from './entry-names.js';
import { makeIndex, makeManifest } from './manifest.js';
import { ProvenLayers, UNCOMPRESSED } from './proven-layers.js';
import { findPart, readPart, type DockerDraft, type DockerImage, type DockerSource } from './source.js';
import { wantedImages } from './wanted-images.js';

/**
 * What an archive of Docker holds. Its manifests and its index are made up, always the same for the same archive,
 * whatever a store holds; they name the files of the archive by their digests. Images that are not meant may be left out
 * of the index.
 *
 * @throws {StowageError} INVALID if a part of an image is not in the archive, or config and layers do not belong
 *   together; MISMATCH for a part that is not what its name or its diff ID says; UNSUPPORTED or LIMIT_EXCEEDED for what
 *   is not read.
 */
export async function readDockerArchive(
  seen: SeenArchive,
  form: { readonly kind: 'docker' | 'docker-1.0'; readonly raw: Uint8Array },
  options: LayoutOptions,
): Promise<ArchiveContents> {
  const { what, endMarked } = seen;
  const written = new Set(seen.written);
  const { compressInto, catalog } = options;
  const layers = new LayerReader(what, catalog && new ProvenLayers(catalog, options), options);
  const source: DockerSource = { ...seen, options, layers };
  const { found, passedOver } =
    form.kind === 'docker'
      ? await readImages(source, layers, form.raw, options)
      : { found: await readLegacyImages(source, form.raw), passedOver: [] };
  const images =
    compressInto === undefined ? found : await compressLayers(found, what, compressInto, written, options);

  const files = new Map<Digest, ArchiveFile>();
  const labels = new Map<Digest, Labels>();
  const entries = images.map(({ config, layers, repoTags }) => {
    const made = makeManifest(config, layers);
    for (const { digest, file, compression, diffId } of layers) {
      files.set(digest, file);
      if (compression !== 'none') labels.set(digest, { [UNCOMPRESSED]: diffId });
    }
    files.set(made.config.digest, fileOfBytes(config.raw));
    files.set(made.descriptor.digest, fileOfBytes(made.raw));
    return { manifest: made.descriptor, platform: config, repoTags };
  });
  const { descriptor, raw } = makeIndex(entries);
  files.set(descriptor.digest, fileOfBytes(raw));
  const index = parseDocument(raw, OCI_INDEX, `the index made up for ${what}`, { limit: JSON_LIMIT });
  if (index.kind !== 'index')
    throw new TypeError('parseDocument answered another kind than it was asked for');
  const unread = unreadOf(passedOver, files);
  return {
    what,
    index,
    indexDescriptor: descriptor,
    written,
    endMarked,
    labels,
    unread,
    ...blobsIn(files, what),
  };
}

/**
 * Images that nobody has asked for are passed over where it would take work to say what their manifests are: a layer that
 * has to be unpacked, or compressed.
 */
async function readImages(
  source: DockerSource,
  layers: LayerReader,
  raw: Uint8Array,
  options: LayoutOptions,
): Promise<{ readonly found: DockerImage[]; readonly passedOver: readonly DockerDraft[] }> {
  const entries = parseDockerManifest(raw, `"manifest.json" of ${source.what}`);
  const drafts: DockerDraft[] = [];
  for (const entry of entries) drafts.push(await draftOf(source, entry));
  const wanted = wantedImages(drafts, source.what, options.meantIn);
  const taken: DockerDraft[] = [];
  for (const draft of drafts) {
    if (wanted.has(draft) || (await isFree(draft, layers, options))) taken.push(draft);
  }
  // All of the archive together, so that no image waits for another one's last layer.
  const looked = await layers.expectAll(taken.flatMap(({ parts }) => parts));
  let next = 0;
  const found = taken.map(({ config, parts, repoTags }) => ({
    config,
    layers: looked.slice(next, (next += parts.length)),
    repoTags,
  }));
  return { found, passedOver: drafts.filter((draft) => !taken.includes(draft)) };
}

/** What only images have that were passed over. */
function unreadOf(
  passedOver: readonly DockerDraft[],
  files: ReadonlyMap<Digest, ArchiveFile>,
): NonNullable<ArchiveContents['unread']> {
  const looked = new Set(files.values());
  const parts = new Set(passedOver.flatMap((draft) => draft.parts.map(({ file }) => file)));
  const configs = new Map(passedOver.map(({ config }) => [digestOf(config.raw), config.raw.byteLength]));
  const sizes = [
    ...[...parts].filter((file) => !looked.has(file)).map(({ size }) => size),
    ...[...configs].filter(([digest]) => !files.has(digest)).map(([, size]) => size),
  ];
  return { blobs: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

async function isFree(
  { parts }: DockerDraft,
  layers: LayerReader,
  { compressInto }: LayoutOptions,
): Promise<boolean> {
  if (compressInto !== undefined) return false;
  for (const { path, file, diffId } of parts) {
    if (algorithmOf(diffId) !== 'sha256' || (await layers.compression(path, file)) !== 'none') return false;
  }
  return true;
}

async function draftOf(source: DockerSource, entry: DockerEntry): Promise<DockerDraft> {
  const { what } = source;
  const raw = await readPart(source, entry.config, 'image config');
  checkConfigName(entry.config, raw, what);
  const config = parseImageConfig(raw, `image config ${quote(entry.config)} of ${what}`);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== entry.layers.length) {
    throw new StowageError(
      'INVALID',
      `Cannot import ${what}: image config ${quote(entry.config)} states ${diffIds.length} layers, "manifest.json" ` +
        `lists ${entry.layers.length}`,
      { detail: { entry: entry.config }, hint: 'the archive was not made right; make it again' },
    );
  }
  const parts = diffIds.map((diffId, at): LayerPart => {
    const path = entry.layers[at] ?? '';
    return { path, file: findPart(source, path, 'layer'), diffId };
  });
  return { config, parts, repoTags: entry.repoTags };
}

/** Most tools name the config by its digest; one that is not what it is called was changed by somebody. */
function checkConfigName(path: string, raw: Uint8Array, archive: string): void {
  const [, hex] = /(?:^|\/|sha256:)([0-9a-f]{64})(?:\.json)?$/.exec(cleanPath(path)) ?? [];
  const claimed = `sha256:${hex ?? ''}`;
  if (hex === undefined || !isDigest(claimed)) return;
  const actual = digestOf(raw);
  if (actual === claimed) return;
  throw new StowageError(
    'MISMATCH',
    `Cannot import ${archive}: image config ${quote(path)}: its content has the digest ${actual}`,
    {
      detail: { entry: path, digest: claimed, actualDigest: actual },
      hint: 'the archive is damaged, or was changed after it was made: make it again',
    },
  );
}
