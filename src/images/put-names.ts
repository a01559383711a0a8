import { StowageError } from '../errors.js';
import type { CallOptions, Labels } from '../content/store.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { isOvertaken, recordedTarget } from './change.js';
import type { ImageChange, ImageRecord, ImageStore } from './store.js';

/** How often names are read and changed again because somebody else changed one in between. */
const ATTEMPTS = 20;

/** A name that is to point to content. */
export interface WantedName {
  readonly name: string;
  readonly target: Descriptor;
  /** Merged into the labels the record has. */
  readonly labels?: Labels | undefined;
  /** What happens if the name points to something else. */
  readonly policy: 'move' | 'error' | 'skip';
}

/** What became of a wanted name. */
export interface NameOutcome {
  readonly name: string;
  readonly target: Descriptor;
  /** `unchanged`: it pointed there already; labels and annotations may still have been brought up to date. */
  readonly outcome: 'created' | 'moved' | 'unchanged' | 'skipped';
  /** Where the name pointed before, if it moved, or points, if it was skipped. */
  readonly previous?: Digest;
}

/**
 * Points names to content, all of them in one change: where the store is atomic, all or none. Each change is
 * conditional on what was read before it, so that no name is moved that the policy would not move; when another
 * process was faster, everything is read and decided again.
 *
 * A name that is wanted twice must want the same digest both times.
 *
 * @returns an outcome for each wanted name, in their order
 * @throws {StowageError} ALREADY_EXISTS if a name with the policy `error` points elsewhere: nothing is changed then;
 *   INVALID as {@link ImageStore.apply}, and if one name is wanted for two digests; BUSY if others are always faster.
 */
export async function assignNames(
  images: ImageStore,
  wanted: readonly WantedName[],
  options: CallOptions = {},
): Promise<readonly NameOutcome[]> {
  const unique = distinct(wanted);
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const decisions = new Map<string, Decision>();
    for (const want of unique.values()) {
      decisions.set(want.name, decide(await images.get(want.name, options), want));
    }
    const changes = [...decisions.values()].flatMap(({ change }) => change ?? []);
    try {
      if (changes.length > 0) await images.apply(changes, options);
    } catch (error) {
      if (isOvertaken(error)) continue;
      throw error;
    }
    return wanted.flatMap(({ name }) => decisions.get(name)?.outcome ?? []);
  }
  throw new StowageError('BUSY', `Cannot record ${unique.size} image names: others keep changing them`, {
    detail: { names: [...unique.keys()] },
    hint: 'try again',
  });
}

/**
 * What would become of a wanted name if it were assigned now; nothing is changed.
 *
 * @throws {StowageError} ALREADY_EXISTS as {@link assignNames}.
 */
export async function previewName(
  images: ImageStore,
  wanted: WantedName,
  options: CallOptions = {},
): Promise<NameOutcome> {
  return decide(await images.get(wanted.name, options), wanted).outcome;
}

/**
 * Whether assigning the wanted names would change nothing.
 *
 * @throws {StowageError} as {@link assignNames}.
 */
export async function areUnchanged(
  images: ImageStore,
  wanted: readonly WantedName[],
  options: CallOptions = {},
): Promise<boolean> {
  for (const want of distinct(wanted).values()) {
    const current = await images.get(want.name, options);
    if (current === undefined || decide(current, want).change !== undefined) return false;
  }
  return true;
}

interface Decision {
  readonly outcome: NameOutcome;
  readonly change?: ImageChange;
}

function decide(current: ImageRecord | undefined, { name, target, labels, policy }: WantedName): Decision {
  if (current === undefined) {
    const change: ImageChange = { op: 'create', name, target, ...(labels ? { labels } : {}) };
    return { outcome: { name, target, outcome: 'created' }, change };
  }
  const previous = current.target.digest;
  const update: ImageChange = {
    op: 'update',
    name,
    target,
    ...(labels ? { labels } : {}),
    ifTarget: previous,
  };
  if (previous === target.digest) {
    const outcome: NameOutcome = { name, target, outcome: 'unchanged' };
    return says(current, target, labels) ? { outcome } : { outcome, change: update };
  }
  switch (policy) {
    case 'move':
      return { outcome: { name, target, outcome: 'moved', previous }, change: update };
    case 'skip':
      return { outcome: { name, target, outcome: 'skipped', previous } };
    case 'error':
      throw new StowageError(
        'ALREADY_EXISTS',
        `Cannot name ${target.digest} ${JSON.stringify(name)}: the name is taken by ${previous}`,
        {
          detail: { name, target: previous },
          hint: 'let names move, skip those that are taken, or give another',
        },
      );
  }
}

/** Whether the record says all of this already, so that its time of change can stay. */
function says(current: ImageRecord, target: Descriptor, labels: Labels = {}): boolean {
  return (
    fingerprint(recordedTarget(target)) === fingerprint(current.target) &&
    Object.entries(labels).every(([key, value]) => (current.labels[key] ?? '') === value)
  );
}

function fingerprint({ mediaType, size, annotations = {} }: Descriptor): string {
  return JSON.stringify([mediaType, size, Object.entries(annotations).sort()]);
}

function distinct(wanted: readonly WantedName[]): ReadonlyMap<string, WantedName> {
  const unique = new Map<string, WantedName>();
  for (const want of wanted) {
    const other = unique.get(want.name);
    if (other !== undefined && other.target.digest !== want.target.digest) {
      throw new StowageError(
        'INVALID',
        `Cannot name two images ${JSON.stringify(want.name)}: ${other.target.digest} and ${want.target.digest}`,
        { detail: { name: want.name } },
      );
    }
    unique.set(want.name, other ?? want);
  }
  return unique;
}
