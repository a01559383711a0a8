/**
 * What hangs on the images of an archive: signatures, attestations, bills of materials. Nothing in an image leads to
 * them; the archive's index lists them beside it, and they say, or their tag does, what they belong to.
 */
import { isStowageError } from '../errors.js';
import { inspectImage, type Has } from '../content/completeness.js';
import { selectPlatforms } from '../content/platform-selection.js';
import { isDocument, readDocument } from '../content/read.js';
import { referrerLabels } from '../content/referrers.js';
import type { CallOptions, Labels, Reader } from '../content/store.js';
import { MANIFEST_SUBJECT } from '../oci/annotation.js';
import { gcLabels } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import { digestTag, type DigestTagSuffix } from '../oci/digest-tag.js';
import { isDigest, type Digest } from '../oci/digest.js';
import type { ImageDocument } from '../oci/manifest.js';
import type { ArchiveContents } from './layout/archive-contents.js';
import { digestTagOfEntry, isNamed } from './names/archive-names.js';

/** An entry of the archive's index that belongs to something else. */
export interface FoundReferrer {
  readonly descriptor: Descriptor;
  readonly subject: Digest;
  readonly artifactType: string | undefined;
  /** Where it is found by its tag. */
  readonly suffix: DigestTagSuffix | undefined;
}

/** A referrer as an import, or the plan of one, lists it. */
export interface ReferrerReport {
  readonly digest: Digest;
  readonly subject: Digest;
  readonly mediaType: string;
  /** What kind of thing it is, as far as anything says so. */
  readonly artifactType?: string;
  /** The tag by which it hangs on the subject: `sha256-<hex>.sig`. */
  readonly tag?: string;
  /**
   * `left-out`: its subject is not taken in. Of what is `absent` the archive has no manifest; what is `damaged` lacks
   * something, or cannot be read. All three are left out.
   */
  readonly state: 'complete' | 'absent' | 'damaged' | 'left-out';
  readonly missing: readonly Digest[];
  /** Of it and all it refers to, in bytes, as far as that is known. */
  readonly size: number;
}

/** A referrer, and what has to be moved to take it in. */
export interface PlannedReferrer extends ReferrerReport {
  readonly descriptors: readonly Descriptor[];
  /** Labels of its own documents. */
  readonly labels: ReadonlyMap<Digest, Labels>;
  /** Labels for the blob of its subject. */
  readonly subjectLabels: Labels;
}

/** Whether an entry, by its descriptor alone, may be a referrer: named images are not looked into. */
export function mayRefer(entry: Descriptor): boolean {
  const { annotations = {}, artifactType, platform } = entry;
  if (MANIFEST_SUBJECT in annotations || artifactType !== undefined) return true;
  return digestTagOfEntry(entry) !== undefined || (!isNamed(entry) && platform === undefined);
}

/**
 * The entries of the archive's index that refer to something: by their tag, by an annotation, or by the `subject` of
 * their manifest. A manifest that cannot be read is none; whoever wants it for itself will be told.
 */
export async function findReferrers(
  { index, blobs, content }: Pick<ArchiveContents, 'index' | 'blobs' | 'content'>,
  options: CallOptions,
): Promise<FoundReferrer[]> {
  const found = new Map<string, FoundReferrer>();
  for (const descriptor of index.manifests) {
    if (!mayRefer(descriptor)) continue;
    options.signal?.throwIfAborted();
    const readable = isDocument(descriptor) && blobs.get(descriptor.digest) === descriptor.size;
    const document = readable ? await documentOf(content, descriptor, options) : undefined;
    const tag = digestTagOfEntry(descriptor);
    const stated = descriptor.annotations?.[MANIFEST_SUBJECT];
    const annotated = stated !== undefined && isDigest(stated) ? stated : undefined;
    const subject = tag?.subject ?? document?.subject?.digest ?? annotated;
    if (subject === undefined || subject === descriptor.digest) continue;
    const artifactType = descriptor.artifactType ?? artifactTypeOf(document);
    const key = `${descriptor.digest} ${subject} ${tag?.suffix ?? ''}`;
    if (!found.has(key)) found.set(key, { descriptor, subject, artifactType, suffix: tag?.suffix });
  }
  return [...found.values()];
}

/**
 * Which referrers are taken in: those whose subject is, and what refers to those in turn.
 *
 * @param isThere whether content is taken in, or is to be counted as such
 */
export async function planReferrers(
  found: readonly FoundReferrer[],
  isThere: (digest: Digest) => boolean,
  { has, reader }: { readonly has: Has; readonly reader: Reader },
  options: CallOptions,
): Promise<PlannedReferrer[]> {
  const planned = new Map<FoundReferrer, PlannedReferrer>();
  const waiting = new Map<Digest, FoundReferrer[]>();
  for (const referrer of found) {
    const others = waiting.get(referrer.subject);
    if (others === undefined) waiting.set(referrer.subject, [referrer]);
    else others.push(referrer);
  }
  // A set that grows while it is walked through is walked through to its end.
  const taken = new Set([...waiting.keys()].filter(isThere));
  for (const subject of taken) {
    for (const referrer of waiting.get(subject) ?? []) {
      const plan = await planOne(referrer, has, reader, options);
      planned.set(referrer, plan);
      for (const descriptor of plan.descriptors) if (isDocument(descriptor)) taken.add(descriptor.digest);
    }
  }
  return found.map((referrer) => planned.get(referrer) ?? notTaken(referrer, 'left-out'));
}

async function planOne(
  referrer: FoundReferrer,
  has: Has,
  reader: Reader,
  options: CallOptions,
): Promise<PlannedReferrer> {
  try {
    const { descriptor, suffix } = referrer;
    const inspection = await inspectImage(has, reader, descriptor, options);
    const missing = inspection.manifests.flatMap((manifest) =>
      manifest.missing.map(({ digest }) => ({ digest, state: manifest.state })),
    );
    const ownIsAbsent = inspection.manifests.every(({ state }) => state === 'absent');
    // Of a list of referrers, some may have stayed where they were.
    const damage = missing.filter(({ state }) => ownIsAbsent || state === 'damaged');
    const lacking = damage.map(({ digest }) => digest);
    if (lacking.length > 0) return notTaken(referrer, ownIsAbsent ? 'absent' : 'damaged', lacking);
    const isEmptyList = inspection.manifests.length === 0;
    const descriptors = isEmptyList
      ? [descriptor]
      : selectPlatforms(inspection, { image: JSON.stringify(descriptor.digest) }).descriptors;
    return {
      ...notTaken(referrer, 'complete'),
      size: sumOf(descriptors),
      descriptors,
      labels: new Map([...inspection.documents].map(([digest, document]) => [digest, gcLabels(document)])),
      subjectLabels: referrerLabels(descriptor.digest, suffix),
    };
  } catch (error) {
    if (!isStowageError(error) || !OF_CONTENT.has(error.code)) throw error;
    return notTaken(referrer, 'damaged');
  }
}

const OF_CONTENT: ReadonlySet<string> = new Set([
  'INVALID',
  'UNSUPPORTED',
  'LIMIT_EXCEEDED',
  'MISMATCH',
  'NOT_FOUND',
]);

function notTaken(
  { descriptor, subject, artifactType, suffix }: FoundReferrer,
  state: ReferrerReport['state'],
  missing: readonly Digest[] = [],
): PlannedReferrer {
  return {
    digest: descriptor.digest,
    subject,
    mediaType: descriptor.mediaType,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(suffix === undefined ? {} : { tag: digestTag({ subject, suffix }) }),
    state,
    missing,
    size: descriptor.size,
    descriptors: [],
    labels: new Map(),
    subjectLabels: {},
  };
}

/** What a reader of reports needs to know. */
export function referrerReport(planned: PlannedReferrer): ReferrerReport {
  const { digest, subject, mediaType, artifactType, tag, state, missing, size } = planned;
  return {
    digest,
    subject,
    mediaType,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(tag === undefined ? {} : { tag }),
    state,
    missing,
    size,
  };
}

async function documentOf(
  reader: Reader,
  descriptor: Descriptor,
  options: CallOptions,
): Promise<ImageDocument | undefined> {
  try {
    return await readDocument(reader, descriptor, options);
  } catch (error) {
    if (!isStowageError(error) || !OF_CONTENT.has(error.code)) throw error;
    return undefined;
  }
}

function artifactTypeOf(document: ImageDocument | undefined): string | undefined {
  if (document === undefined) return undefined;
  return document.artifactType ?? (document.kind === 'manifest' ? document.config.mediaType : undefined);
}

function sumOf(descriptors: readonly Descriptor[]): number {
  return descriptors.reduce((sum, { size }) => sum + size, 0);
}
