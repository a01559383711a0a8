import { isStowageError } from '../errors.js';
import { DOCKER_REFERENCE_DIGEST } from '../oci/annotation.js';
import { children } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import { parseImageConfig, platformOfConfig } from '../oci/image-config.js';
import { MANIFEST_LIMIT } from '../oci/json.js';
import { parseDocument } from '../oci/manifest.js';
import { isImageConfig } from '../oci/media-type.js';
import { readAll } from '../io/limit.js';
import { hasOutline, type Outline } from './outline.js';
import type { CallOptions, Reader, Target } from './store.js';

/**
 * The outline of a manifest, an index or an image configuration, read from the blob and verified; undefined if it is
 * not held, or nothing of that kind.
 *
 * @throws {StowageError} INVALID if it is not what its media type says; LIMIT_EXCEEDED if it is larger than registries take;
 *   else as {@link Reader.read}.
 */
export async function readOutline(
  reader: Reader,
  descriptor: Descriptor,
  options: CallOptions = {},
): Promise<Outline | undefined> {
  if (!hasOutline(descriptor.mediaType)) return undefined;
  try {
    const limits = { limit: MANIFEST_LIMIT, what: `document ${JSON.stringify(descriptor.digest)}` };
    return outlineOf(await readAll(reader.read(descriptor, options), limits), descriptor);
  } catch (error) {
    if (isStowageError(error, 'NOT_FOUND')) return undefined;
    throw error;
  }
}

/**
 * The outline of a document from its bytes.
 *
 * @throws {StowageError} INVALID if they are not what the media type says.
 */
export function outlineOf(raw: Uint8Array, { mediaType = '', digest }: Target): Outline {
  if (isImageConfig(mediaType)) {
    const platform = platformOfConfig(parseImageConfig(raw, `config ${JSON.stringify(digest)}`));
    return { kind: 'config', ...(platform && { platform }) };
  }
  const document = parseDocument(raw, mediaType, `document ${JSON.stringify(digest)}`);
  return {
    kind: document.kind,
    children: children(document).map(outlined),
    ...(document.subject && { subject: outlined(document.subject) }),
  };
}

function outlined({ mediaType, digest, size, platform, annotations = {} }: Descriptor): Descriptor {
  const attests = Object.hasOwn(annotations, DOCKER_REFERENCE_DIGEST)
    ? annotations[DOCKER_REFERENCE_DIGEST]
    : undefined;
  return {
    mediaType,
    digest,
    size,
    ...(attests !== undefined && { annotations: { [DOCKER_REFERENCE_DIGEST]: attests } }),
    ...(platform && { platform }),
  };
}
