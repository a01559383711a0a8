import type { CallOptions } from '../../content/store.js';
import { isStowageError, StowageError } from '../../errors.js';
import { isDigest, type Digest } from '../../oci/digest.js';
import { platformOfConfig, type ImageConfig } from '../../oci/image-config.js';
import { DOCKER_CONFIG } from '../../oci/media-type.js';
import { formatPlatform } from '../../oci/platform-specifier.js';
import { normalizePlatform } from '../../oci/platform.js';
import type { DockerSource } from '../docker/source.js';
import { cleanPath } from '../docker/entry-names.js';
import type { DockerLayer } from '../docker/layer.js';
import { readLegacyImages } from '../docker/legacy.js';
import { makeManifest } from '../docker/manifest.js';
import { parseDockerManifest, type DockerEntry } from '../docker/manifest-file.js';
import type { ArchiveFile } from '../layout/archive-file.js';
import { reasonOf } from './check-document.js';
import { checkLayer, readConfig } from './check-config.js';
import type { FoundFile, Inventory } from './inventory.js';
import type { VerifiedImage } from './report.js';

/**
 * Judges the images of an archive of Docker: configurations and layers are there, are what their names say, and belong
 * together. Images are listed by the digests of the manifests that an import makes for them.
 *
 * @param used gets the digests of the files that are referred to.
 */
export async function checkDocker(
  inventory: Inventory,
  used: Set<Digest>,
  options: CallOptions,
): Promise<VerifiedImage[]> {
  const manifest = inventory.documents.get('docker-manifest');
  const repositories = inventory.documents.get('docker-repositories');
  try {
    if (manifest !== undefined)
      return await checkEntries(parseDockerManifest(manifest, 'it'), inventory, used);
    return repositories === undefined ? [] : await readLegacy(repositories, inventory, options);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    inventory.findings.add({
      severity: 'error',
      code: 'docker-manifest',
      where: manifest === undefined ? 'repositories' : 'manifest.json',
      message: reasonOf(error).replace(`Cannot import ${inventory.what}: `, ''),
    });
    return [];
  }
}

async function checkEntries(
  entries: readonly DockerEntry[],
  inventory: Inventory,
  used: Set<Digest>,
): Promise<VerifiedImage[]> {
  const images: VerifiedImage[] = [];
  for (const [at, entry] of entries.entries()) {
    const image = await checkImage(entry, `manifest.json: [${at}]`, inventory, used);
    if (image !== undefined) images.push(...namedBy(entry.repoTags, image));
  }
  return images;
}

function namedBy(repoTags: readonly string[], image: VerifiedImage): VerifiedImage[] {
  const names = repoTags.filter((name) => name !== '' && name !== '<none>:<none>');
  return names.length === 0 ? [image] : names.map((name) => ({ name, ...image }));
}

/** Archives from before 2016 state no digests: that their parts are there and can be read is all there is to judge. */
async function readLegacy(
  raw: Uint8Array,
  { what, names, endMarked }: Inventory,
  options: CallOptions,
): Promise<VerifiedImage[]> {
  const measured = ({ path, file }: { readonly path: string; readonly file: ArchiveFile }) => {
    const layer = layerOf(file as FoundFile);
    if (layer !== undefined) return layer;
    throw new StowageError('INVALID', `Cannot read it: ${JSON.stringify(path)} cannot be decompressed`);
  };
  const layers: DockerSource['layers'] = { measureAll: async (parts) => parts.map(measured) };
  const source: DockerSource = { what, names, endMarked, options, layers };
  const images = await readLegacyImages(source, raw);
  return images.flatMap(({ config, layers, repoTags }) => namedBy(repoTags, soundImage(config, layers)));
}

/** What an import makes a layer of; undefined if it cannot. */
function layerOf(file: FoundFile): DockerLayer | undefined {
  const { observed } = file;
  if (observed === undefined || !('digest' in observed.content)) return undefined;
  const { compression, digest, content } = observed;
  if (compression !== 'none' && compression !== 'gzip' && compression !== 'zstd') return undefined;
  return { file, digest, compression, diffId: content.digest };
}

function soundImage(config: ImageConfig, layers: readonly DockerLayer[]): VerifiedImage {
  const { digest, mediaType } = makeManifest(config, layers).descriptor;
  const platform = platformOfConfig(config);
  const stated = platform && { platform: formatPlatform(normalizePlatform(platform)) };
  return { digest, mediaType, platforms: [{ ...stated, digest, state: 'sound' }] };
}

async function checkImage(
  entry: DockerEntry,
  where: string,
  inventory: Inventory,
  used: Set<Digest>,
): Promise<VerifiedImage | undefined> {
  const { findings } = inventory;
  const before = findings.counts.error;
  const file = findPart(entry.config, `${where}.Config`, inventory);
  const layers = entry.layers.map((path, at) => findPart(path, `${where}.Layers[${at}]`, inventory));
  for (const part of [file, ...layers]) {
    if (part?.observed !== undefined) used.add(part.observed.digest);
  }
  if (file?.observed === undefined) return undefined;
  const { digest } = file.observed;
  checkConfigName(entry.config, digest, inventory);
  const config = await readConfig(file, { blame: digest, strict: false }, inventory);
  const diffIds = config?.rootfs.diff_ids ?? [];
  if (config !== undefined && diffIds.length !== layers.length) {
    findings.add({
      severity: 'error',
      code: 'layer-count',
      where: `${file.entry}: rootfs.diff_ids`,
      message: `it has ${diffIds.length} diff IDs, and manifest.json lists ${layers.length} layers`,
      digest,
    });
  }
  for (const [at, layer] of layers.entries()) {
    const diffId = diffIds[at];
    if (layer === undefined || diffId === undefined || diffIds.length !== layers.length) continue;
    const place = { where: `${where}.Layers[${at}]`, what: JSON.stringify(layer.entry), blame: digest };
    checkLayer(layer, diffId, place, inventory);
  }
  const found = layers.map((layer) => layer && layerOf(layer)).filter((layer) => layer !== undefined);
  if (config !== undefined && findings.counts.error === before && found.length === layers.length) {
    return soundImage(config, found);
  }
  const platform = config && platformOfConfig(config);
  const stated = platform && { platform: formatPlatform(normalizePlatform(platform)) };
  const state = findings.counts.error > before ? 'broken' : 'sound';
  return { digest, mediaType: DOCKER_CONFIG, platforms: [{ ...stated, digest, state }] };
}

function findPart(path: string, where: string, { names, findings }: Inventory): FoundFile | undefined {
  let problem = `${JSON.stringify(path)} is not there`;
  try {
    const file = names.find(path);
    if (file !== undefined) return file as FoundFile;
  } catch (error) {
    if (!isStowageError(error, 'INVALID')) throw error;
    problem = `${JSON.stringify(path)}: ${error.message.slice(error.message.indexOf(': entry ') + 2)}`;
  }
  findings.add({
    severity: 'error',
    code: 'blob-missing',
    where,
    message: problem,
    hint: 'the archive is incomplete: save the image again',
  });
  return undefined;
}

/** Most tools name the configuration by its digest; one that is not what it is called was changed by somebody. */
function checkConfigName(path: string, actual: Digest, { findings }: Inventory): void {
  const [, hex = ''] = /(?:^|\/|sha256:)([0-9a-f]{64})(?:\.json)?$/.exec(cleanPath(path)) ?? [];
  const claimed = `sha256:${hex}`;
  if (!isDigest(claimed) || claimed === actual) return;
  findings.add({
    severity: 'error',
    code: 'blob-digest',
    where: path,
    message: `its content has the digest ${actual}`,
    hint: 'it was changed after it was written: copy the archive again from where it came',
    digest: actual,
  });
}
