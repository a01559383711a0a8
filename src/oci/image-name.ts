import { isStowageError } from '../errors.js';
import { dockerString, parseDockerRef, parseNormalized, withDefaultTag } from './docker-reference.js';
import { parseReference } from './reference.js';

/**
 * The names under which an image a user calls `name` may be kept, likeliest first: exactly so, with `:latest`, and
 * as Docker completes it (with tag and digest, then with the digest alone). Names are stored as given; only looking
 * them up is this lenient.
 */
export function lookupCandidates(name: string): string[] {
  const candidates = [name];
  if (name !== '' && !/[:@]/.test(name.slice(name.lastIndexOf('/') + 1))) candidates.push(`${name}:latest`);
  const normalized = unlessInvalid(() => dockerString(withDefaultTag(parseNormalized(name))));
  if (normalized !== undefined) candidates.push(normalized, dockerString(parseDockerRef(name)));
  return [...new Set(candidates)];
}

/**
 * The value of `org.opencontainers.image.ref.name` for an image name: its tag (with the digest, where it has both);
 * the whole name where there is no tag, or where it is no reference at all.
 */
export function ociRefName(imageName: string): string {
  const object = unlessInvalid(() => parseReference(imageName).object) ?? '';
  return object === '' || object.startsWith('@') ? imageName : object;
}

function unlessInvalid<TResult>(read: () => TResult): TResult | undefined {
  try {
    return read();
  } catch (error) {
    if (isStowageError(error, 'INVALID') || isStowageError(error, 'UNSUPPORTED')) return undefined;
    throw error;
  }
}
