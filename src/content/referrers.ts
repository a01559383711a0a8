/**
 * What was attached to content after it was made: signatures, bills of materials, attestations. Nothing in an image
 * leads to them; they name their subject. So a store records them where they are looked for, in labels of the subject.
 */
import type { Descriptor } from '../oci/descriptor.js';
import { isReferrerLabel, referrerLabelKey } from '../oci/children.js';
import { DIGEST_TAG_SUFFIXES, digestTag, type DigestTagSuffix } from '../oci/digest-tag.js';
import { isDigest, type Digest } from '../oci/digest.js';
import { guessMediaType } from '../oci/guess-media-type.js';
import { MANIFEST_LIMIT } from '../oci/json.js';
import { parseDocument, type ImageDocument } from '../oci/manifest.js';
import { OCI_MANIFEST } from '../oci/media-type.js';
import { readBlob } from './read.js';
import type { CallOptions, ContentStore, Labels } from './store.js';

/** Something that refers to other content. */
export interface Referrer {
  /** Of the manifest or index that refers; `artifactType` and annotations as the referrers API states them. */
  readonly descriptor: Descriptor;
  readonly document: ImageDocument;
  /** What it refers to. */
  readonly subject: Digest;
  /** The tag by which it hangs on the subject, such as `sha256-<hex>.sig`; without one its own `subject` says it. */
  readonly tag?: string;
}

/** Labels of the subject that say which referrer hangs on it by which tag. The collector does not look at them. */
const TAG_LABEL = 'stowage/referrer.tag';

/**
 * Labels for the blob of the subject: they keep the referrer from being collected while the subject stays, and let
 * {@link referrersOf} find it.
 */
export function referrerLabels(referrer: Digest, suffix?: DigestTagSuffix): Labels {
  return {
    [referrerLabelKey(referrer)]: referrer,
    ...(suffix === undefined ? {} : { [TAG_LABEL + suffix]: referrer }),
  };
}

/**
 * Referrers of a blob that are recorded and held, ascending by digest; each with its tag where it has one, and then
 * once for each tag. A referrer that is recorded but not held is left out.
 *
 * @throws {StowageError} INVALID if something recorded is neither manifest nor index; else as {@link readBlob}.
 */
export async function referrersOf(
  content: ContentStore,
  subject: Digest,
  options: CallOptions = {},
): Promise<Referrer[]> {
  const labels = (await content.info(subject, options))?.labels ?? {};
  const recorded = Object.entries(labels).filter(([key]) => isReferrerLabel(key));
  const digests = new Set(recorded.flatMap(([, value]) => (isDigest(value) ? [value] : [])));
  const found: Referrer[] = [];
  for (const digest of [...digests].sort()) {
    const referrer = await readReferrer(content, digest, options);
    if (referrer === undefined) continue;
    const suffixes = DIGEST_TAG_SUFFIXES.filter((suffix) => labels[TAG_LABEL + suffix] === digest);
    const tags = suffixes.map((suffix) => ({ tag: digestTag({ subject, suffix }) }));
    found.push(...(tags.length > 0 ? tags : [{}]).map((tag) => ({ ...referrer, subject, ...tag })));
  }
  return found;
}

/**
 * Everything that refers to any of `subjects`, to what refers to them, and so on: a signature of a bill of materials
 * belongs to the image as well. In the order in which they are found, each referrer once for each subject and tag.
 */
export async function allReferrersOf(
  content: ContentStore,
  subjects: Iterable<Digest>,
  options: CallOptions = {},
): Promise<Referrer[]> {
  const found: Referrer[] = [];
  const known = new Set(subjects);
  // A set that grows while it is walked through is walked through to its end.
  for (const subject of known) {
    options.signal?.throwIfAborted();
    for (const referrer of await referrersOf(content, subject, options)) {
      found.push(referrer);
      known.add(referrer.descriptor.digest);
      if (referrer.document.kind === 'index') {
        for (const { digest } of referrer.document.manifests) known.add(digest);
      }
    }
  }
  return found;
}

async function readReferrer(
  content: ContentStore,
  digest: Digest,
  options: CallOptions,
): Promise<Pick<Referrer, 'descriptor' | 'document'> | undefined> {
  const held = await content.stat({ digest }, options);
  if (held === undefined) return undefined;
  const loose: Descriptor = { mediaType: OCI_MANIFEST, digest, size: held.size };
  const raw = await readBlob(content, loose, { ...options, limit: MANIFEST_LIMIT });
  const document = parseDocument(raw, guessMediaType(raw), `referrer ${JSON.stringify(digest)}`);
  return { document, descriptor: referrerDescriptor(document, { digest, size: held.size }) };
}

/** As the referrers API lists a referrer (distribution-spec, "Listing Referrers"). */
function referrerDescriptor(
  document: ImageDocument,
  { digest, size }: Pick<Descriptor, 'digest' | 'size'>,
): Descriptor {
  const { mediaType, annotations } = document;
  const artifactType =
    document.artifactType ?? (document.kind === 'manifest' ? document.config.mediaType : undefined);
  return {
    mediaType,
    digest,
    size,
    ...(annotations === undefined ? {} : { annotations }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}
