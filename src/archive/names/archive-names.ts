import { StowageError } from '../../errors.js';
import { IMAGE_NAME, MANIFEST_SUBJECT, REF_NAME } from '../../oci/annotation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { quote } from '../tar/text.js';
import type { NamedTarget } from './named-target.js';

export interface ArchiveNameOptions {
  readonly baseName?: string | undefined;
  readonly digests?: boolean | undefined;
  readonly skipDigestForNamed?: boolean | undefined;
  readonly indexName?: string | undefined;
  /** Local date for the generated base, where no base is given. */
  readonly now: Date;
}

/**
 * The names an archive's own entries give its images (containerd's transfer import). The name of an entry is its
 * `io.containerd.image.name`, else its `org.opencontainers.image.ref.name`. Without a base, full names are taken as
 * they are and tags become `import-YYYY-MM-DD:<tag>`; with one, tags become `<base>:<tag>` and full names outside of
 * it are left out. An entry without any name becomes `<base>@<digest>`.
 *
 * Different from containerd, on purpose: `skipDigestForNamed` does what it says, and an index name does not make the
 * other names expire with it.
 *
 * @param index the descriptor of the archive's own index.
 * @throws {StowageError} INVALID if `baseName` leaves nothing, one name is given to two different images, or a name has
 *   control characters or is far too long.
 */
export function archiveNames(
  entries: readonly Descriptor[],
  index: Descriptor,
  options: ArchiveNameOptions,
  archive: string,
): NamedTarget[] {
  const base = options.baseName ?? generatedBase(options.now);
  const outside: string[] = [];
  const names: NamedTarget[] = [];

  if (options.indexName !== undefined) {
    names.push({ name: options.indexName, target: index, chosen: true, unnamed: false });
  }
  for (const target of entries) {
    const given = givenName(target, archive);
    const name = given === undefined ? undefined : qualified(given, base, options.baseName !== undefined);
    if (name !== undefined) names.push({ name, target, chosen: false, unnamed: false });
    else if (given !== undefined) outside.push(given);
    if (needsDigestName(target, given, name, options)) {
      names.push({ name: `${base}@${target.digest}`, target, chosen: false, unnamed: given === undefined });
    }
  }
  if (options.digests === true) {
    names.push({ name: `${base}@${index.digest}`, target: index, chosen: false, unnamed: false });
  }
  if (names.length === 0 && outside.length > 0) throw nothingLeft(base, outside, archive);
  return distinct(names, archive);
}

/** What the archive calls an image; an empty name is none. */
function givenName({ annotations = {}, digest }: Descriptor, archive: string): string | undefined {
  const name = [annotations[IMAGE_NAME], annotations[REF_NAME]].find(
    (text) => text !== undefined && text !== '',
  );
  if (name === undefined) return undefined;
  const problem =
    name.length > NAME_LIMIT
      ? `which has ${name.length} characters, at most ${NAME_LIMIT} are accepted`
      : UNPRINTABLE.test(name)
        ? 'with control characters, which no name can have'
        : undefined;
  if (problem === undefined) return name;
  throw new StowageError(
    'INVALID',
    `Cannot import ${archive}: it names an image ${quote(name)}, ${problem}`,
    {
      detail: { name, digest },
      hint: `import it under a name of your own: <ref> with --ref-object ${digest}`,
    },
  );
}

/** In characters. What containerd accepts of a label; names of registries are far shorter. */
const NAME_LIMIT = 4096;

/** Control characters and changes of writing direction: a terminal would obey them wherever the name is shown. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

/** `import-YYYY-MM-DD`, the day as the caller's clock shows it. */
function generatedBase(now: Date): string {
  const pad = (value: number) => String(value).padStart(2, '0');
  return `import-${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
}

/** The full name for what an entry is called, or undefined if it lies outside a base that filters. */
function qualified(given: string, base: string, filters: boolean): string | undefined {
  if (!/[/:@]/.test(given)) return `${base}:${given}`;
  if (!filters || given === base) return given;
  return given.startsWith(base) && '/:@'.includes(given.charAt(base.length)) ? given : undefined;
}

function needsDigestName(
  target: Descriptor,
  given: string | undefined,
  name: string | undefined,
  options: ArchiveNameOptions,
): boolean {
  // A referrer belongs to what it refers to; it is no image to be called by itself.
  if (target.annotations?.[MANIFEST_SUBJECT] !== undefined) return false;
  if (given === undefined) return true;
  return options.digests === true && (name === undefined || options.skipDigestForNamed !== true);
}

function nothingLeft(base: string, outside: readonly string[], archive: string): StowageError {
  const held = outside.map((name) => JSON.stringify(name)).join(', ');
  return new StowageError(
    'INVALID',
    `Cannot import ${archive}: no image is left, all its names lie outside ${JSON.stringify(base)}: ${held}`,
    {
      detail: { baseName: base, names: outside },
      hint: 'leave the base name out, or give one that covers them',
    },
  );
}

function distinct(names: readonly NamedTarget[], archive: string): NamedTarget[] {
  const byName = new Map<string, NamedTarget>();
  for (const named of names) {
    const other = byName.get(named.name);
    if (other === undefined) byName.set(named.name, named);
    else if (other.target.digest !== named.target.digest) {
      throw new StowageError(
        'INVALID',
        `Cannot import ${archive}: it gives the name ${JSON.stringify(named.name)} to two images, ` +
          `${other.target.digest} and ${named.target.digest}`,
        {
          detail: { name: named.name, digests: [other.target.digest, named.target.digest] },
          hint: 'import one of them under a name of your own: <ref> with --ref-object <digest>',
        },
      );
    }
  }
  return [...byName.values()];
}
