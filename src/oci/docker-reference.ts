import { isStowageError, StowageError } from '../errors.js';
import type { Digest } from './digest.js';
import { isDigest, parseDigest } from './digest.js';
import { matchesPathPattern } from './path-pattern.js';

/** An image name by Docker's grammar (distribution/reference): `[domain/]path[:tag][@digest]`. */
export interface DockerReference {
  /** Host, with port where there is one; empty if there is none. */
  readonly domain: string;
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}

export const DEFAULT_DOMAIN = 'docker.io';
const LEGACY_DEFAULT_DOMAIN = 'index.docker.io';
const OFFICIAL_PREFIX = 'library/';
const DEFAULT_TAG = 'latest';

/** Characters of a path, which is all of the name behind the domain. */
const PATH_LIMIT = 255;
/** Longer text is refused unread: domain, path, tag and digest of any sense fit in several times over. */
const TEXT_LIMIT = 4096;

const LABEL = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[(?:[a-fA-F0-9:]+)\\])`;
const DOMAIN = `${HOST}(?::[0-9]+)?`;
const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const PATH = `${COMPONENT}(?:/${COMPONENT})*`;
const TAG = '[\\w][\\w.-]{0,127}';
const DIGEST = '[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}';

const DOMAIN_ONLY = new RegExp(`^${DOMAIN}$`);
const NAME = new RegExp(`^(?:(${DOMAIN})/)?(${PATH})$`);
const REFERENCE = new RegExp(`^((?:${DOMAIN}/)?${PATH})(?::(${TAG}))?(?:@(${DIGEST}))?$`);
const TAG_ONLY = new RegExp(`^${TAG}$`);
const IDENTIFIER = /^[a-f0-9]{64}$/;

/**
 * Reads a name as it stands, without defaults.
 *
 * @throws {StowageError} INVALID if it breaks the grammar; UNSUPPORTED for a digest of an unknown algorithm.
 */
export function parseDockerReference(text: string): DockerReference {
  if (text === '') throw invalid(text, 'repository name must have at least one component');
  if (text.length > TEXT_LIMIT) {
    throw invalid(text.slice(0, 100), `it has ${text.length} characters, at most ${TEXT_LIMIT} are accepted`);
  }
  const parts = REFERENCE.exec(text);
  if (parts === null) {
    throw invalid(
      text,
      REFERENCE.test(text.toLowerCase()) ? 'repository name must be lowercase' : 'invalid reference format',
    );
  }
  const [, name = '', tag, digest] = parts;
  return {
    ...splitName(name, text),
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest: digestOf(digest, text) }),
  };
}

/** Reads a name as people write it: `busybox` is `docker.io/library/busybox`. No tag is added. */
export function parseNormalized(text: string): DockerReference {
  if (IDENTIFIER.test(text)) {
    throw invalid(text, 'a repository name cannot be 64 hexadecimal digits');
  }
  const [domain, remainder] = splitDomain(text);
  const name = remainder.split(':', 1)[0] ?? '';
  if (name !== name.toLowerCase()) throw invalid(text, `repository name ${quote(name)} must be lowercase`);
  return parseDockerReference(`${domain}/${remainder}`);
}

/**
 * {@link parseNormalized} for one image: `:latest` where neither tag nor digest is given; where both are, the tag
 * goes, as the digest says more.
 */
export function parseDockerRef(text: string): DockerReference {
  const { tag, ...rest } = parseNormalized(text);
  return rest.digest === undefined ? { ...rest, tag: tag ?? DEFAULT_TAG } : rest;
}

/** Reads a name, a digest, or the 64 digits of a sha256. A digest comes back as the string it is. */
export function parseAnyReference(text: string): DockerReference | Digest {
  if (IDENTIFIER.test(text)) return parseDigest(`sha256:${text}`);
  return isDigest(text) ? text : parseNormalized(text);
}

/** The reference with `:latest` if it has neither tag nor digest. */
export function withDefaultTag(reference: DockerReference): DockerReference {
  return reference.tag === undefined && reference.digest === undefined
    ? { ...reference, tag: DEFAULT_TAG }
    : reference;
}

/** @throws {StowageError} INVALID if it is no tag. */
export function withTag(reference: DockerReference, tag: string): DockerReference {
  if (!isTag(tag)) throw invalid(tag, 'invalid tag format');
  return { ...reference, tag };
}

export function withDigest(reference: DockerReference, digest: Digest): DockerReference {
  return { ...reference, digest };
}

export function isTag(text: string): boolean {
  return TAG_ONLY.test(text);
}

/** Whether it is a host, with or without port, as it stands before the first `/` of a name. */
export function isDomain(text: string): boolean {
  return DOMAIN_ONLY.test(text);
}

/** Whether it is 64 lower-case hexadecimal digits, which name content and never a repository. */
export function isIdentifier(text: string): boolean {
  return IDENTIFIER.test(text);
}

/** Domain and path, without tag and digest. */
export function dockerName(reference: DockerReference): string {
  return reference.domain === '' ? reference.path : `${reference.domain}/${reference.path}`;
}

export function dockerString(reference: DockerReference): string {
  return withObject(dockerName(reference), reference);
}

/** The name without what goes without saying: `docker.io/library/busybox` is `busybox`. */
export function familiarName(reference: DockerReference): string {
  if (reference.domain !== DEFAULT_DOMAIN) return dockerName(reference);
  const short = reference.path.startsWith(OFFICIAL_PREFIX)
    ? reference.path.slice(OFFICIAL_PREFIX.length)
    : '';
  return short === '' || short.includes('/') ? reference.path : short;
}

/** {@link familiarName} with tag and digest. */
export function familiarString(reference: DockerReference): string {
  return withObject(familiarName(reference), reference);
}

/**
 * Whether the familiar form, with or without tag and digest, matches a pattern of Go's `path.Match`.
 *
 * @throws {StowageError} INVALID if it is no such pattern.
 */
export function familiarMatch(pattern: string, reference: DockerReference): boolean {
  return (
    matchesPathPattern(pattern, familiarString(reference)) ||
    matchesPathPattern(pattern, familiarName(reference))
  );
}

function withObject(name: string, { tag, digest }: DockerReference): string {
  return name + (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}

function splitName(name: string, text: string): Pick<DockerReference, 'domain' | 'path'> {
  const [, domain = '', path = name] = NAME.exec(name) ?? [];
  if (path.length > PATH_LIMIT) {
    throw invalid(text, `repository name must not be more than ${PATH_LIMIT} characters`);
  }
  return { domain, path };
}

/** What is before the first `/` is a host only if it looks like one: other names are of the default registry. */
function splitDomain(text: string): [domain: string, remainder: string] {
  const slash = text.indexOf('/');
  const first = slash === -1 ? '' : text.slice(0, slash);
  const looksLikeHost = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const domain = looksLikeHost && first !== LEGACY_DEFAULT_DOMAIN ? first : DEFAULT_DOMAIN;
  const remainder = looksLikeHost ? text.slice(slash + 1) : text;
  const isOfficial = domain === DEFAULT_DOMAIN && !remainder.includes('/');
  return [domain, isOfficial ? OFFICIAL_PREFIX + remainder : remainder];
}

function digestOf(digest: string, text: string): Digest {
  try {
    return parseDigest(digest);
  } catch (error) {
    if (!isStowageError(error)) throw error;
    throw new StowageError(error.code, `Cannot read image name ${quote(text)}: ${error.message}`, {
      detail: { ...error.detail, reference: text },
      cause: error,
    });
  }
}

function invalid(text: string, reason: string): StowageError {
  return new StowageError('INVALID', `Cannot read image name ${quote(text)}: ${reason}`, {
    detail: { reference: text },
  });
}

function quote(text: string): string {
  return JSON.stringify(text);
}
