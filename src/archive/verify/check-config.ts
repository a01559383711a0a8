import { isStowageError } from '../../errors.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { algorithmOf, type Digest } from '../../oci/digest.js';
import { parseImageConfig, type ImageConfig } from '../../oci/image-config.js';
import { MANIFEST_LIMIT, parseJson } from '../../oci/json.js';
import type { ImageManifest } from '../../oci/manifest.js';
import { DOCKER_CONFIG, isImageConfig, isLayer, layerCompression } from '../../oci/media-type.js';
import { deviationsOf } from '../../oci/spec-rules.js';
import { short } from './check-blobs.js';
import { messageOf, placeOf, reasonOf, severityOf } from './check-document.js';
import { NO_BYTES, type FoundFile, type Inventory } from './inventory.js';
import type { FindingCode } from './report.js';

/**
 * Judges the configuration of an image, and its layers by it. Artifacts have configurations of their own, of which
 * nothing is known.
 *
 * @param where the file of the manifest.
 */
export async function checkConfig(
  { config, layers }: ImageManifest,
  manifest: Digest,
  where: string,
  inventory: Inventory,
): Promise<void> {
  const { blobs, findings } = inventory;
  const file = blobs.get(config.digest);
  if (!isImageConfig(config.mediaType) || file === undefined || findings.blames(config.digest)) return;
  const strict = config.mediaType !== DOCKER_CONFIG;
  const parsed = await readConfig(file, { blame: manifest, strict }, inventory);
  if (parsed === undefined || !layers.every(({ mediaType }) => isLayer(mediaType))) return;
  const diffIds = parsed.rootfs.diff_ids;
  if (diffIds.length !== layers.length) {
    findings.add({
      severity: 'error',
      code: 'layer-count',
      where: `${file.entry}: rootfs.diff_ids`,
      message: `it has ${diffIds.length} diff IDs, and its manifest has ${layers.length} layers`,
      digest: manifest,
    });
    return;
  }
  for (const [at, layer] of layers.entries()) {
    const found = blobs.get(layer.digest);
    const diffId = diffIds[at];
    if (found === undefined || diffId === undefined || findings.blames(layer.digest)) continue;
    checkCompression(layer, found, inventory);
    const place = { where: `${where}: layers[${at}]`, what: short(layer.digest), blame: manifest };
    checkLayer(found, diffId, place, inventory);
  }
}

/** What an image cannot be run without; the rest is for people, or for a runtime that has its own idea of it. */
const ESSENTIAL = /^(?:$|architecture$|os$|rootfs)/;

export interface ConfigToRead {
  /** What is to blame: the same blob may be all right for an artifact. */
  readonly blame: Digest;
  /** Whether the rules of OCI bind it in every detail. */
  readonly strict: boolean;
}

/** Judges a configuration and reads it; undefined, with a finding, if it cannot be read or breaks what matters. */
export async function readConfig(
  file: FoundFile,
  { blame, strict }: ConfigToRead,
  inventory: Inventory,
): Promise<ImageConfig | undefined> {
  const { findings } = inventory;
  const fail = (message: string, code: FindingCode = 'document-invalid') => {
    findings.add({ severity: 'error', code, where: file.entry, message, digest: blame });
    return undefined;
  };
  if (file.size > MANIFEST_LIMIT)
    return fail(`it has ${file.size} bytes, at most ${MANIFEST_LIMIT} are accepted`);
  const raw = await inventory.bytesOf(file, MANIFEST_LIMIT);
  if (raw === undefined) return fail(NO_BYTES, 'archive-limit');
  let invalid = false;
  try {
    for (const deviation of deviationsOf('config', parseJson(raw, 'it', { limit: MANIFEST_LIMIT }))) {
      const severity = strict && ESSENTIAL.test(deviation.path) ? severityOf(deviation) : 'warning';
      invalid ||= severity === 'error';
      findings.add({
        severity,
        code: 'document-invalid',
        where: placeOf(file.entry, deviation),
        message: messageOf(deviation),
        digest: blame,
      });
    }
    return invalid ? undefined : parseImageConfig(raw, 'it');
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return fail(reasonOf(error));
  }
}

export interface LayerPlace {
  readonly where: string;
  /** The layer as a message calls it. */
  readonly what: string;
  /** What is to blame: the same layer may be right for another image. */
  readonly blame: Digest;
}

/** The content of a layer has to be what the configuration calls it. */
export function checkLayer(
  file: FoundFile,
  diffId: Digest,
  place: LayerPlace,
  { findings }: Inventory,
): void {
  const content = file.observed?.content;
  if (content === undefined) return;
  const { where, what, blame } = place;
  if ('problem' in content) {
    findings.add({
      severity: content.unknown ? 'note' : 'error',
      code: content.unknown ? 'layer-unchecked' : 'layer-damaged',
      where,
      message: `${what}: ${content.problem}`,
      ...(content.unknown ? {} : { digest: blame }),
    });
  } else if (algorithmOf(diffId) !== 'sha256') {
    findings.add({
      severity: 'note',
      code: 'layer-unchecked',
      where,
      message: `the diff ID ${diffId} is not computed here`,
    });
  } else if (content.digest !== diffId) {
    findings.add({
      severity: 'error',
      code: 'layer-digest',
      where,
      message: `${what} unpacks to ${content.digest}, and the configuration says ${diffId}`,
      hint: 'configuration and layers do not belong together: nothing can run this image',
      digest: blame,
    });
  }
}

function checkCompression(layer: Descriptor, { entry, observed }: FoundFile, { findings }: Inventory): void {
  const stated = layerCompression(layer.mediaType);
  if (observed === undefined) return;
  if (stated === undefined) {
    findings.add({
      severity: 'note',
      code: 'layer-unchecked',
      where: entry,
      message: `nothing is known of layers of type ${JSON.stringify(layer.mediaType)}`,
    });
  } else if (stated !== observed.compression) {
    const is = observed.compression === 'none' ? 'not compressed' : `compressed with ${observed.compression}`;
    findings.add({
      severity: 'warning',
      code: 'layer-compression',
      where: entry,
      message: `it is ${is}, and its media type is ${JSON.stringify(layer.mediaType)}`,
    });
  }
}
