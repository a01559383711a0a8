import { StowageError } from '../../errors.js';
import { IMAGE_NAME, MANIFEST_SUBJECT, REF_NAME } from '../../oci/annotation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { parseDigestTag, type DigestTag } from '../../oci/digest-tag.js';
import type { Digest } from '../../oci/digest.js';
import { quote } from '../tar/text.js';
import type { NamedTarget } from './named-target.js';

export interface ArchiveNameOptions {
  readonly baseName?: string | undefined;
  readonly digests?: boolean | undefined;
  readonly skipDigestForNamed?: boolean | undefined;
  readonly indexName?: string | undefined;
  /**
   * Who gets a name that the archive has for several images: nobody, the last one, or the first.
   * @default 'error'
   */
  readonly onDuplicate?: 'error' | 'move' | 'skip' | undefined;
  /** Manifests that say themselves what they refer to. @default none */
  readonly referrers?: ReadonlySet<Digest> | undefined;
  /** Local date for the generated base, where no base is given. */
  readonly now: Date;
}

/**
 * The names an archive's own entries give its images (containerd's transfer import). The name of an entry is its
 * `io.containerd.image.name`, else its `org.opencontainers.image.ref.name`. Without a base, full names are taken as
 * they are and tags become `import-YYYY-MM-DD:<tag>`; with one, tags become `<base>:<tag>` and full names outside of
 * it are left out. An entry without any name becomes `<base>@<digest>`. What hangs on an image gets no name but a full
 * one of its own: neither a digest name nor one made of its tag `sha256-<hex>.sig`.
 *
 * A name that cannot be given comes with its problem: control characters, far too long, or several images that claim
 * it where the policy is `error`. Names are kept as they are otherwise, also where Docker's grammar would refuse them.
 *
 * Different from containerd, on purpose: `skipDigestForNamed` does what it says, and an index name does not make the
 * other names expire with it.
 *
 * @param index the descriptor of the archive's own index.
 * @throws {StowageError} INVALID if `baseName` leaves nothing.
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
    const given = givenName(target);
    if (given !== undefined && digestTagOf(given) !== undefined && !isFullName(given)) continue;
    const name = given === undefined ? undefined : qualified(given, base, options.baseName !== undefined);
    const problem = given === undefined ? undefined : problemOf(given, target, archive);
    if (name !== undefined) {
      names.push({ name, target, chosen: false, unnamed: false, ...(problem ? { problem } : {}) });
    } else if (given !== undefined) outside.push(given);
    if (needsDigestName(target, given, name, options)) {
      names.push({ name: `${base}@${target.digest}`, target, chosen: false, unnamed: given === undefined });
    }
  }
  if (options.digests === true) {
    names.push({ name: `${base}@${index.digest}`, target: index, chosen: false, unnamed: false });
  }
  if (names.length === 0 && outside.length > 0) throw nothingLeft(base, outside, archive);
  return distinct(names, archive, options.onDuplicate ?? 'error');
}

/** The tag an entry has in the archive if it is one by which something hangs on an image: `sha256-<hex>.sig`. */
export function digestTagOfEntry(entry: Descriptor): DigestTag | undefined {
  const given = givenName(entry);
  return given === undefined ? undefined : digestTagOf(given);
}

/** Whether the archive has a name for an entry. */
export function isNamed(entry: Descriptor): boolean {
  return givenName(entry) !== undefined;
}

function digestTagOf(given: string): DigestTag | undefined {
  return parseDigestTag(given.slice(given.lastIndexOf(':') + 1));
}

function isFullName(given: string): boolean {
  return /[/:@]/.test(given);
}

/** What the archive calls an image; an empty name is none. */
function givenName({ annotations = {} }: Descriptor): string | undefined {
  return [annotations[IMAGE_NAME], annotations[REF_NAME]].find((text) => text !== undefined && text !== '');
}

function problemOf(name: string, { digest }: Descriptor, archive: string): StowageError | undefined {
  const problem =
    name.length > NAME_LIMIT
      ? `which has ${name.length} characters, at most ${NAME_LIMIT} are accepted`
      : UNPRINTABLE.test(name)
        ? 'with control characters, which no name can have'
        : undefined;
  if (problem === undefined) return undefined;
  return new StowageError(
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
  if (!isFullName(given)) return `${base}:${given}`;
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
  if (options.referrers?.has(target.digest) === true) return false;
  if (given !== undefined && digestTagOf(given) !== undefined) return false;
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

/** Each name once for each image that claims it; who does not get it knows who does, or why nobody does. */
function distinct(
  names: readonly NamedTarget[],
  archive: string,
  policy: 'error' | 'move' | 'skip',
): NamedTarget[] {
  const claims = new Map<string, Map<Digest, NamedTarget>>();
  for (const named of names) {
    const claimants = claims.get(named.name) ?? new Map<Digest, NamedTarget>();
    claims.set(named.name, claimants);
    if (!claimants.has(named.target.digest)) claimants.set(named.target.digest, named);
  }
  return [...claims.values()].flatMap((claimants) => settled([...claimants.values()], archive, policy));
}

function settled(
  claimants: readonly NamedTarget[],
  archive: string,
  policy: 'error' | 'move' | 'skip',
): NamedTarget[] {
  if (claimants.length < 2) return [...claimants];
  if (policy === 'error') {
    const problem = claimedTwice(claimants, archive);
    return claimants.map((named) => ({ problem, ...named }));
  }
  const chosen = claimants.find((named) => named.chosen);
  const winner = chosen ?? claimants.at(policy === 'move' ? -1 : 0);
  return claimants.map((named) =>
    named === winner || winner === undefined ? named : { ...named, lostTo: winner.target.digest },
  );
}

function claimedTwice(claimants: readonly NamedTarget[], archive: string): StowageError {
  const [{ name } = { name: '' }] = claimants;
  const digests = claimants.map(({ target }) => target.digest);
  const many = digests.length === 2 ? 'two' : String(digests.length);
  return new StowageError(
    'INVALID',
    `Cannot import ${archive}: it gives the name ${JSON.stringify(name)} to ${many} images, ` +
      `${digests.slice(0, -1).join(', ')} and ${digests.at(-1)}`,
    {
      detail: { name, digests },
      hint:
        'import one of them under a name of your own (<ref> with --ref-object <digest>), or say who gets it: ' +
        '--on-conflict skip the first, --on-conflict move the last',
    },
  );
}
