import { StowageError, isStowageError } from '../../errors.js';
import { IMAGE_NAME, REF_NAME } from '../../oci/annotation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { parseDockerReference } from '../../oci/docker-reference.js';
import { parseReference, splitObject } from '../../oci/reference.js';
import { quote } from '../tar/text.js';

/**
 * The object that says which image of an archive is meant: the one given, else that of `ref`. A `ref` without `/` is
 * read by Docker's grammar, in which `busybox:latest` has the tag `latest`; containerd's would take it for a host.
 *
 * @throws {StowageError} INVALID if there is none, listing what the archive holds; or if `ref` cannot be read.
 */
export function referenceObject(
  ref: string,
  given: string | undefined,
  entries: readonly Descriptor[],
  archive: string,
): string {
  const object = given !== undefined && given !== '' ? given : objectOf(ref);
  if (object !== '') return object;
  throw new StowageError(
    'INVALID',
    `Cannot import ${JSON.stringify(ref)} from ${archive}: unexpected object: "": the name has neither tag nor ` +
      `digest to choose an image by; ${holdings(entries)}`,
    {
      detail: { ref, entries: entries.map(describe) },
      hint: `add a tag (${ref}:latest), or say which image is meant: --ref-object <tag or digest>`,
    },
  );
}

function objectOf(ref: string): string {
  if (ref.includes('/')) return parseReference(ref).object;
  const { tag, digest } = parseDockerReference(ref);
  return (tag ?? '') + (digest === undefined ? '' : `@${digest}`);
}

/**
 * The entry an object means: the one with that digest; else the one whose `ref.name` is the object; else the one
 * whose full name is the object or `ref`; else the only image whose full name ends in that tag. An object with a
 * digest means that digest and nothing else.
 *
 * @throws {StowageError} NOT_FOUND if there is none; INVALID if several images have a full name with that tag. Both
 *   list what the archive holds.
 */
export function matchObject(
  ref: string,
  object: string,
  entries: readonly Descriptor[],
  archive: string,
): Descriptor {
  const [tag, afterAt] = splitObject(object);
  const digest = afterAt === '' ? object : afterAt;
  const match =
    entries.find((entry) => entry.digest === digest) ??
    entries.find((entry) => entry.annotations?.[REF_NAME] === tag) ??
    (afterAt === ''
      ? entries.find((entry) => fullNames(entry).some((name) => name === object || name === ref))
      : undefined);
  if (match !== undefined) return match;

  const tagged = entries.filter((entry) => fullNames(entry).some((name) => tagOf(name) === tag));
  const [only, ...others] = tagged;
  if (only !== undefined && others.every((other) => other.digest === only.digest)) return only;
  const code = only === undefined ? 'NOT_FOUND' : 'INVALID';
  const reason =
    only === undefined
      ? `not found: ${JSON.stringify(object)}`
      : `${JSON.stringify(object)} could be any of ${tagged.map(describe).join(', ')}`;
  throw new StowageError(
    code,
    `Cannot import ${JSON.stringify(ref)} from ${archive}: ${reason}; ${holdings(entries)}`,
    {
      detail: { ref, object, entries: entries.map(describe) },
      hint: 'say which image is meant: --ref-object <tag, full name or digest>',
    },
  );
}

function fullNames(entry: Descriptor): string[] {
  const names = [entry.annotations?.[REF_NAME], entry.annotations?.[IMAGE_NAME]];
  return names.filter((name): name is string => name !== undefined && /[/:@]/.test(name));
}

/** The tag of a full name, or undefined where it has none or is no name either grammar reads. */
function tagOf(fullName: string): string | undefined {
  try {
    const [tag, digest] = splitObject(objectOf(fullName));
    return digest === '' && tag !== '' ? tag : tag.replace(/@$/, '') || undefined;
  } catch (error) {
    if (isStowageError(error, 'INVALID')) return undefined;
    throw error;
  }
}

function holdings(entries: readonly Descriptor[]): string {
  if (entries.length === 0) return 'the archive holds no images';
  return `the archive holds ${entries.map(describe).join(', ')}`;
}

/** An entry the way a person would tell it from the others. */
function describe(entry: Descriptor): string {
  const name = entry.annotations?.[IMAGE_NAME] || entry.annotations?.[REF_NAME];
  return name ? `${quote(name)} (${entry.digest})` : entry.digest;
}
