import { IMAGE_NAME, REF_NAME } from '../../oci/annotation.js';
import { descriptorJson, type Annotations, type Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { JSON_LIMIT, parseJson } from '../../oci/json.js';
import { parseDocument } from '../../oci/manifest.js';
import { OCI_INDEX } from '../../oci/media-type.js';
import { indexEntries, type ExportedName } from './entry-annotations.js';

/** What an index gets. */
export interface NewEntries {
  readonly names: readonly ExportedName[];
  /** Entries that are not images somebody named. */
  readonly referrers: readonly Descriptor[];
  /** `ref.name` of the one image, where the caller chose it. */
  readonly refName?: string | undefined;
}

export interface MergedIndex {
  readonly bytes: Uint8Array;
  /** What names that were there before pointed to, where that was something else. */
  readonly previous: ReadonlyMap<string, Digest>;
}

/**
 * The `index.json` of a layout with more images in it. An entry of the same name is replaced, in its place; every other
 * one stays, with all that it says. No two different images are called alike afterwards: what comes takes its full
 * name where its tag is taken; a name the caller chose moves to what comes.
 *
 * @param existing the bytes it has now, or undefined if there is none
 * @throws {StowageError} INVALID or LIMIT_EXCEEDED if it is no index.
 */
export function mergeIndex(existing: Uint8Array | undefined, added: NewEntries, what: string): MergedIndex {
  const { fields, entries } = readIndex(existing, what);
  const incoming = [...indexEntries(added.names, added.refName), ...unnamed(added)];
  const replaces = incoming.map((entry) => entries.filter((old) => isReplaced(old, entry, added.refName)));
  const replaced = new Set(replaces.flat());
  const kept = entries.filter((entry) => !replaced.has(entry));

  const final = incoming.map((entry) => withFreeName(entry, kept, added.refName));
  const placed = new Map<IndexEntry, Descriptor>();
  const appended = final.filter((entry, at) => {
    const place = replaces[at]?.find((old) => !placed.has(old));
    if (place !== undefined) placed.set(place, entry);
    return place === undefined;
  });
  const manifests = entries.flatMap((entry): object[] => {
    const instead = placed.get(entry);
    if (instead !== undefined) return [descriptorJson(instead)];
    return replaced.has(entry) ? [] : [renamed(entry, added.refName, final)];
  });
  manifests.push(...appended.map(descriptorJson));
  return { bytes: Buffer.from(JSON.stringify({ ...fields, manifests })), previous: moved(entries, added) };
}

/** An entry as it is understood, and as it stands there. */
interface IndexEntry {
  readonly descriptor: Descriptor;
  readonly raw: object;
}

function readIndex(existing: Uint8Array | undefined, what: string) {
  if (existing === undefined) {
    return { fields: { schemaVersion: 2, mediaType: OCI_INDEX }, entries: [] };
  }
  const document = parseDocument(existing, OCI_INDEX, what, { limit: JSON_LIMIT });
  const fields = parseJson(existing, what) as { readonly manifests: readonly object[] | null };
  const descriptors = document.kind === 'index' ? document.manifests : [];
  const entries = descriptors.map((descriptor, at): IndexEntry => {
    return { descriptor, raw: fields.manifests?.[at] ?? descriptor };
  });
  return { fields, entries };
}

/** Referrers of images that are listed under a name of their own need no other entry. */
function unnamed({ names, referrers }: NewEntries): Descriptor[] {
  const listed = new Set(names.map(({ target }) => target.digest));
  return referrers.filter(({ digest, annotations }) => annotations !== undefined || !listed.has(digest));
}

function isReplaced(
  { descriptor: old }: IndexEntry,
  entry: Descriptor,
  refName: string | undefined,
): boolean {
  const before = namesOf(old);
  const now = namesOf(entry);
  if (before.image !== undefined) return before.image === now.image;
  if (before.ref === undefined) return old.digest === entry.digest;
  // Other tools have one name for an image: a tag, or a full name.
  const isChosen = now.image === undefined || now.ref === refName;
  return before.ref === now.image || (isChosen && before.ref === now.ref);
}

/** Its tag, unless that would stand for something else or, to tools that want one entry a name, for nothing. */
function withFreeName(
  entry: Descriptor,
  kept: readonly IndexEntry[],
  refName: string | undefined,
): Descriptor {
  const { image, ref } = namesOf(entry);
  const isTaken = kept.some(({ descriptor }) => {
    const other = namesOf(descriptor);
    return other.ref === ref && (other.image === undefined || descriptor.digest !== entry.digest);
  });
  if (image === undefined || refName !== undefined || !isTaken) return entry;
  return { ...entry, annotations: { ...entry.annotations, [REF_NAME]: image } };
}

/** What had the name that was chosen for something else is called by its full name from now on. */
function renamed({ descriptor, raw }: IndexEntry, refName: string | undefined, final: readonly Descriptor[]) {
  const { image, ref } = namesOf(descriptor);
  const isTaken = ref === refName && final.every(({ digest }) => digest !== descriptor.digest);
  if (refName === undefined || image === undefined || !isTaken) return raw;
  return { ...raw, annotations: { ...descriptor.annotations, [REF_NAME]: image } satisfies Annotations };
}

function moved(entries: readonly IndexEntry[], { names }: NewEntries): Map<string, Digest> {
  const previous = new Map<string, Digest>();
  for (const { name, target } of names) {
    const old = entries.find(({ descriptor }) => namesOf(descriptor).image === name)?.descriptor;
    if (old !== undefined && old.digest !== target.digest) previous.set(name, old.digest);
  }
  return previous;
}

function namesOf({ annotations = {} }: Descriptor) {
  const of = (key: string) => (Object.hasOwn(annotations, key) ? annotations[key] : undefined);
  return { image: of(IMAGE_NAME), ref: of(REF_NAME) };
}
