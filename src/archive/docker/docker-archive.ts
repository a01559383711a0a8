import { StowageError } from '../../errors.js';
import { digestOf } from '../../io/hash.js';
import { isDigest, type Digest } from '../../oci/digest.js';
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
import { LayerReader, type DockerLayer } from './layer.js';
import { parseDockerManifest, type DockerEntry } from './manifest-file.js';
import { cleanPath } from './entry-names.js';
import { makeIndex, makeManifest } from './manifest.js';
import { findPart, readPart, type DockerImage, type DockerSource } from './source.js';

/**
 * What an archive of Docker holds. Its manifests and its index are made up, always the same for the same archive,
 * whatever a store holds; they name the files of the archive by their digests.
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
  const source: DockerSource = { ...seen, options, layers: new LayerReader(what, options) };
  const found =
    form.kind === 'docker' ? await readImages(source, form.raw) : await readLegacyImages(source, form.raw);
  const { compressInto } = options;
  const images =
    compressInto === undefined ? found : await compressLayers(found, what, compressInto, written, options);

  const files = new Map<Digest, ArchiveFile>();
  const entries = images.map(({ config, layers, repoTags }) => {
    const made = makeManifest(config, layers);
    for (const { digest, file } of layers) files.set(digest, file);
    files.set(made.config.digest, fileOfBytes(config.raw));
    files.set(made.descriptor.digest, fileOfBytes(made.raw));
    return { manifest: made.descriptor, platform: config, repoTags };
  });
  const { descriptor, raw } = makeIndex(entries);
  files.set(descriptor.digest, fileOfBytes(raw));
  const index = parseDocument(raw, OCI_INDEX, `the index made up for ${what}`, { limit: JSON_LIMIT });
  if (index.kind !== 'index')
    throw new TypeError('parseDocument answered another kind than it was asked for');
  return { what, index, indexDescriptor: descriptor, written, endMarked, ...blobsIn(files, what) };
}

async function readImages(source: DockerSource, raw: Uint8Array): Promise<DockerImage[]> {
  const entries = parseDockerManifest(raw, `"manifest.json" of ${source.what}`);
  const images: DockerImage[] = [];
  for (const entry of entries) images.push(await readImage(source, entry));
  return images;
}

async function readImage(source: DockerSource, entry: DockerEntry): Promise<DockerImage> {
  const { what, layers } = source;
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
  const found: DockerLayer[] = [];
  for (const [at, diffId] of diffIds.entries()) {
    const path = entry.layers[at] ?? '';
    found.push(await layers.expect(path, findPart(source, path, 'layer'), diffId));
  }
  return { config, layers: found, repoTags: entry.repoTags };
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
