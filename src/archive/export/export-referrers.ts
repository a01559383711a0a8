import { inspectImage } from '../../content/completeness.js';
import { allReferrersOf, type Referrer } from '../../content/referrers.js';
import type { ContentStore } from '../../content/store.js';
import { REF_NAME } from '../../oci/annotation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import type { ImageExportOptions } from '../export-options.js';

/** What hangs on an image and is exported with it. */
export interface ImageReferrers {
  /** For the index of what is written: without a name, or under the tag that says what it belongs to. */
  readonly entries: readonly Descriptor[];
  /** Everything they consist of. */
  readonly blobs: readonly Descriptor[];
}

/**
 * Finds what refers to any of `subjects`, directly or not. What is not whole is left out, with a warning: a signature
 * is of use only as a whole.
 *
 * @param content viewed under the lease of the export: what is exported is claimed
 * @param image as messages show it, quoted
 */
export async function imageReferrers(
  content: ContentStore,
  subjects: readonly Digest[],
  image: string,
  options: ImageExportOptions,
): Promise<ImageReferrers> {
  const entries = new Map<string, Descriptor>();
  const blobs: Descriptor[] = [];
  const looked = new Map<Digest, boolean>();
  for (const referrer of await allReferrersOf(content, subjects, options)) {
    const { digest } = referrer.descriptor;
    if (!looked.has(digest)) {
      const parts = await wholeParts(content, referrer.descriptor, options);
      looked.set(digest, parts !== undefined);
      if (parts !== undefined) blobs.push(...parts);
      else {
        const message = `${JSON.stringify(digest)}, which refers to ${image}, is damaged in the store and left out`;
        options.onProgress?.({ kind: 'warning', message });
      }
    }
    if (looked.get(digest) === true) entries.set(`${digest} ${referrer.tag ?? ''}`, entryOf(referrer));
  }
  // Listed by its tag, it needs no entry without.
  for (const entry of [...entries.values()]) if (entry.annotations) entries.delete(`${entry.digest} `);
  return { entries: [...entries.values()], blobs };
}

async function wholeParts(
  content: ContentStore,
  target: Descriptor,
  options: ImageExportOptions,
): Promise<Descriptor[] | undefined> {
  const { manifests, indexes } = await inspectImage(
    (targets) => content.claim(targets, options),
    content,
    target,
    options,
  );
  if (manifests.some(({ state }) => state === 'damaged')) return undefined;
  const held = manifests.filter(({ state }) => state === 'complete');
  return [...held.flatMap(({ held: parts, descriptor }) => [...parts, descriptor]), ...indexes];
}

/** Annotations of its own stay where they are: in an index, some of them would say what it is called. */
function entryOf({ descriptor, tag }: Referrer): Descriptor {
  const { mediaType, digest, size, artifactType } = descriptor;
  return {
    mediaType,
    digest,
    size,
    ...(tag === undefined ? {} : { annotations: { [REF_NAME]: tag } }),
    ...(artifactType === undefined ? {} : { artifactType }),
  };
}
