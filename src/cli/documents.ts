import type { Reader } from '../content/store.js';
import { isStowageError } from '../errors.js';
import { readAll } from '../io/limit.js';
import type { Descriptor } from '../oci/descriptor.js';
import { parseImageConfig, platformOfConfig } from '../oci/image-config.js';
import { MANIFEST_LIMIT } from '../oci/json.js';
import { parseDocument, type ImageDocument, type ImageManifest } from '../oci/manifest.js';
import { isImageConfig, kindOf } from '../oci/media-type.js';
import type { Platform } from '../oci/platform.js';

/** Bytes of a small blob, or undefined if the store does not hold it. */
export async function readSmall(
  content: Reader,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return await readAll(content.read(descriptor, { signal }), {
      limit: MANIFEST_LIMIT,
      what: `blob ${descriptor.digest}`,
    });
  } catch (error) {
    if (isStowageError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/** What an index or manifest holds, or undefined if it is neither or not held. */
export async function readDocument(
  content: Reader,
  descriptor: Descriptor,
  signal: AbortSignal,
): Promise<ImageDocument | undefined> {
  const kind = kindOf(descriptor.mediaType);
  if (kind !== 'index' && kind !== 'manifest') return undefined;
  const raw = await readSmall(content, descriptor, signal);
  return raw && parseDocument(raw, descriptor.mediaType, `${kind} ${descriptor.digest}`);
}

/** The platform a manifest's configuration states, or undefined if it is an artifact, says none, or is not held. */
export async function readConfigPlatform(
  content: Reader,
  { config }: ImageManifest,
  signal: AbortSignal,
): Promise<Platform | undefined> {
  if (!isImageConfig(config.mediaType)) return undefined;
  const raw = await readSmall(content, config, signal);
  return raw && platformOfConfig(parseImageConfig(raw, `configuration ${config.digest}`));
}
