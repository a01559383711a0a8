import { StowageError } from '../../errors.js';
import { parseJson } from '../../oci/json.js';

/** One image of Docker's `manifest.json`; paths and names as they stand there. */
export interface DockerEntry {
  readonly config: string;
  /** The base first. */
  readonly layers: readonly string[];
  readonly repoTags: readonly string[];
}

/**
 * Reads the `manifest.json` of a Docker archive (Docker image spec 1.1 and 1.2). Keys count in any case, as they do to
 * Docker itself, and tools have made use of that; keys that are not known are passed over.
 *
 * @throws {StowageError} INVALID if it is not one, or has a key twice; LIMIT_EXCEEDED if it is too large.
 */
export function parseDockerManifest(raw: Uint8Array, what: string): readonly DockerEntry[] {
  const value = parseJson(raw, what, { uniqueKeys: true });
  if (value === null) return [];
  if (!Array.isArray(value)) throw invalid(what, 'it is not a list');
  return value.map((item: unknown, at) => {
    const fields = fieldsOf(item, `[${at}]`, what);
    const config = fields.get('config');
    if (typeof config !== 'string' || config === '') throw invalid(what, `[${at}].Config must be a path`);
    return {
      config,
      layers: texts(fields.get('layers'), `[${at}].Layers`, what),
      repoTags: texts(fields.get('repotags'), `[${at}].RepoTags`, what),
    };
  });
}

function fieldsOf(item: unknown, where: string, what: string): ReadonlyMap<string, unknown> {
  if (typeof item !== 'object' || item === null || Array.isArray(item)) {
    throw invalid(what, `${where} must be an object`);
  }
  const fields = new Map<string, unknown>();
  for (const [key, value] of Object.entries(item)) {
    const folded = key.toLowerCase();
    if (fields.has(folded)) throw invalid(what, `${where} has the key ${JSON.stringify(key)} twice`);
    fields.set(folded, value);
  }
  return fields;
}

function texts(value: unknown, where: string, what: string): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((text) => typeof text === 'string')) return value;
  throw invalid(what, `${where} must be a list of strings`);
}

function invalid(what: string, reason: string): StowageError {
  return new StowageError('INVALID', `Cannot read ${what}: ${reason}`);
}
