import { isStowageError } from '../errors.js';
import { parseJson } from './json.js';
import {
  DOCKER_CONFIG,
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-type.js';

/**
 * The media type a manifest without a descriptor most likely has, as containers/image decides it: by its own
 * `mediaType`, else by `schemaVersion`, the type of its config and what it lists. Undefined if it is none of them.
 * It is a guess about format only; `parseDocument` decides whether the document is acceptable.
 */
export function guessMediaType(raw: Uint8Array): string | undefined {
  const fields = objectOf(raw);
  if (fields === undefined) return undefined;
  const { mediaType, schemaVersion } = fields;
  if (typeof mediaType === 'string' && SELF_DESCRIBING.has(mediaType)) return mediaType;
  if (schemaVersion === 1) return fields.signatures == null ? DOCKER_SCHEMA1 : DOCKER_SCHEMA1_SIGNED;
  if (schemaVersion !== 2) return undefined;
  const configType = asObject(fields.config)?.mediaType;
  if (configType === OCI_CONFIG) return OCI_MANIFEST;
  if (configType === DOCKER_CONFIG) return DOCKER_MANIFEST;
  const isList = Array.isArray(fields.manifests) && fields.manifests.length > 0 && configType === undefined;
  return isList ? OCI_INDEX : OCI_MANIFEST;
}

const SELF_DESCRIBING = new Set([DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_MANIFEST, OCI_INDEX]);

type Fields = Readonly<Record<string, unknown>>;

function objectOf(raw: Uint8Array): Fields | undefined {
  try {
    return asObject(parseJson(raw, 'manifest'));
  } catch (error) {
    if (isStowageError(error, 'INVALID') || isStowageError(error, 'LIMIT_EXCEEDED')) return undefined;
    throw error;
  }
}

function asObject(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}
