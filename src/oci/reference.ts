import { posix } from 'node:path';
import { StowageError } from '../errors.js';
import { parseGoUrl } from './go-url.js';

/** The name of an image the way containerd takes it apart: where it is, and which one of those. */
export interface Reference {
  /** Host and path: `docker.io/library/busybox`. */
  readonly locator: string;
  /** What follows: `latest`, `latest@sha256:…`, `@sha256:…`, or nothing. */
  readonly object: string;
  /** The locator up to its first `/`. */
  readonly hostname: string;
  /** What follows the first `@` of the object, unchecked. */
  readonly digest?: string;
}

/**
 * Reads a name by containerd's rules: those of a Go URL without a scheme. They are wide (queries and fragments are
 * dropped, escapes decoded, `.` and `..` resolved) and know no defaults: `busybox` is a host without a path, and
 * `redis:latest` a host with a bad port. For names as people write them there is `parseDockerRef`.
 *
 * @throws {StowageError} INVALID if it has a scheme, no host, or is no URL.
 */
export function parseReference(text: string): Reference {
  if (text.includes('://')) throw invalid(text, 'it has a scheme', 'leave out everything before the host');
  const url = parseGoUrl(text);
  if (typeof url === 'string') throw invalid(text, url);
  if (url.host === '') throw invalid(text, 'it does not begin with a hostname');
  const split = url.path.search(/[:@]/);
  const path = split === -1 ? url.path : url.path.slice(0, split);
  const object = split === -1 ? '' : url.path.slice(split).replace(/^:/, '');
  const locator = join(url.host, path);
  const at = object.indexOf('@');
  return {
    locator,
    object,
    hostname: locator.split('/', 1)[0] ?? '',
    ...(at === -1 ? {} : { digest: object.slice(at + 1) }),
  };
}

/** The name as text: parsing it again gives the same, escapes aside. */
export function referenceString(reference: Pick<Reference, 'locator' | 'object'>): string {
  const { locator, object } = reference;
  if (object === '') return locator;
  return object.startsWith('@') ? locator + object : `${locator}:${object}`;
}

/** An object as tag (with its `@`, where there is one) and digest: `['foo@', 'sha256:…']`, `['foo', '']`. */
export function splitObject(object: string): [tag: string, digest: string] {
  const at = object.indexOf('@');
  return at === -1 ? [object, ''] : [object.slice(0, at + 1), object.slice(at + 1)];
}

/** Go's `path.Join`: like Node's, but without a trailing slash. */
function join(host: string, path: string): string {
  const joined = posix.join(host, path);
  return joined.length > 1 && joined.endsWith('/') ? joined.slice(0, -1) : joined;
}

function invalid(text: string, reason: string, hint?: string): StowageError {
  return new StowageError('INVALID', `Cannot read reference ${JSON.stringify(text)}: ${reason}`, {
    detail: { reference: text },
    ...(hint === undefined ? {} : { hint }),
  });
}
