import { StowageError } from '../errors.js';
import type { ContentStore, Labels } from '../content/store.js';
import { copy, type CopyResult } from '../content/copy.js';
import { isDocument } from '../content/read.js';
import { assignNames, type WantedName } from '../images/put-names.js';
import { underLease } from '../images/under-lease.js';
import type { Store } from '../images/store.js';
import { DOCKER_REFERENCE_DIGEST } from '../oci/annotation.js';
import { GC_REF_CONTENT } from '../oci/children.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { any } from '../oci/platform-match.js';
import { openArchive, type ArchiveSource, type OpenArchive } from './archive-source.js';
import type { ImportedImage, ImportOptions, ImportResult } from './import-options.js';
import { planImport, type ImportPlan } from './import-plan.js';
import type { ArchiveContents } from './layout/archive-contents.js';
import { readFileLayout } from './layout/file-layout.js';
import type { ArchiveIndex } from './layout/layout-documents.js';
import { readStreamLayout } from './layout/stream-layout.js';
import { StreamSelection } from './layout/stream-selection.js';
import { archiveNames } from './names/archive-names.js';
import type { NamedTarget } from './names/named-target.js';
import { matchObject, referenceObject } from './names/reference-object.js';

/**
 * Imports images from an archive: an OCI image layout in a tar, its entries in any order. When it resolves, blobs and
 * names are durable. Names change in one step at the end: if anything is wrong, none has changed, and nothing that was
 * there before is lost.
 *
 * A path or file URL of a regular file is read only where it is needed; everything else is read once, to its end.
 *
 * @throws {StowageError} INVALID, UNSUPPORTED, LIMIT_EXCEEDED for what is no sound image archive; MISMATCH for content
 *   that is not what its name or descriptor says; NOT_FOUND if the image, or a platform, that was asked for is not in
 *   it; ALREADY_EXISTS if a name is taken and `onConflict` is `error`.
 */
export async function importArchive(
  store: Store,
  source: ArchiveSource,
  options: ImportOptions = {},
): Promise<ImportResult> {
  checkOptions(options);
  options.signal?.throwIfAborted();
  const archive = await openArchive(source, options.archiveName);
  try {
    return await underLease(store, (view) => importUnderLease(view, archive, options), options);
  } finally {
    await archive[Symbol.asyncDispose]();
  }
}

async function importUnderLease(
  store: Store,
  archive: OpenArchive,
  options: ImportOptions,
): Promise<ImportResult> {
  const contents = await readContents(store.content, archive, options);
  const names = namesFor(contents.index.manifests, contents.indexDescriptor, archive.what, options);
  const plan = await planImport(contents, store.content, names, options);
  const unreferenced = options.allBlobs === true ? unreferencedBlobs(contents, plan) : [];
  const labels = await lackingLabels(store.content, plan, options);

  const moved = [...plan.blobs, ...unreferenced];
  const copied = await copy(contents.content, store.content, inWritingOrder(moved), {
    signal: options.signal,
    // A stream has told of its blobs as they came by.
    onProgress: archive.kind === 'file' ? options.onProgress : undefined,
    open: ({ digest }) => contents.open(digest),
    labelsOf: ({ digest }) => labels.get(digest),
    names: { source: archive.what, target: 'the store' },
  });

  const holding = holdingLabels(unreferenced);
  const wanted = plan.images.map((image): WantedName => {
    const policy = image.chosen ? 'move' : (options.onConflict ?? 'error');
    return { name: image.name, target: image.target, policy, labels: { ...options.labels, ...holding } };
  });
  const outcomes = await assignNames(store.images, wanted, options);
  const images = plan.images.map((image, at): ImportedImage => {
    const outcome = outcomes[at];
    if (outcome === undefined) throw new TypeError('assignNames answers an outcome for every name');
    return { ...outcome, target: image.target, unnamed: image.unnamed, platforms: image.platforms };
  });
  return { images, ...counted(copied, moved, contents) };
}

function checkOptions(options: ImportOptions): void {
  const refuse = (problem: string, hint: string) =>
    new StowageError('INVALID', `Cannot import an archive: ${problem}`, { hint });
  if (options.ref === undefined) {
    if (options.refObject !== undefined) {
      throw refuse(
        'an object inside the archive is given, but no name for it',
        'give the name to import it as',
      );
    }
  } else {
    const others = ['baseName', 'indexName'] as const;
    const other =
      others.find((key) => options[key] !== undefined) ?? (options.digests ? 'digests' : undefined);
    if (other !== undefined) {
      throw refuse(
        `a name is given (${JSON.stringify(options.ref)}) and also ${other}, which is for names from the archive`,
        'leave one of them out',
      );
    }
    if (options.ref === '') throw refuse('the name is empty', 'give a name such as "foo/new:latest"');
  }
  if (options.skipDigestForNamed === true && options.digests !== true) {
    throw refuse('skipDigestForNamed is given without digests', 'give both, or neither');
  }
}

async function readContents(
  store: ContentStore,
  archive: OpenArchive,
  options: ImportOptions,
): Promise<ArchiveContents> {
  if (archive.kind === 'file') return readFileLayout(archive, options);
  options.onProgress?.({ kind: 'total', totalBytes: undefined, blobs: undefined });
  return readStreamLayout(archive, {
    store,
    signal: options.signal,
    onProgress: options.onProgress,
    selectionFor: (found) => selectionFor(found, archive.what, options),
  });
}

/** What of a stream is needed, as soon as its index is known. */
function selectionFor(
  { index, descriptor }: ArchiveIndex,
  archive: string,
  options: ImportOptions,
): StreamSelection {
  const names = namesFor(index.manifests, descriptor, archive, options);
  const targets = names.map(({ target }) => target);
  const everything = targets.some(({ digest }) => digest === descriptor.digest) ? index.manifests : [];
  const { platforms = [] } = options;
  const matcher = any(...platforms);
  // What does not say where it runs may have to come along; the plan decides when it knows more.
  const wants = ({ platform, annotations = {} }: Descriptor) =>
    platforms.length === 0 ||
    platform === undefined ||
    platform.os === 'unknown' ||
    DOCKER_REFERENCE_DIGEST in annotations ||
    matcher.match(platform);
  const roots = options.allBlobs === true ? 'everything' : [...targets, ...everything];
  return new StreamSelection(roots, wants);
}

function namesFor(
  entries: readonly Descriptor[],
  index: Descriptor,
  archive: string,
  options: ImportOptions,
): NamedTarget[] {
  const { ref } = options;
  if (ref === undefined) return archiveNames(entries, index, { ...options, now: new Date() }, archive);
  const object = referenceObject(ref, options.refObject, entries, archive);
  const target = matchObject(ref, object, entries, archive);
  return [{ name: ref, target, chosen: true, unnamed: false }];
}

/** Blobs no image of the archive refers to. Their media type is not known to anybody. */
function unreferencedBlobs({ blobs, indexDescriptor }: ArchiveContents, plan: ImportPlan): Descriptor[] {
  const planned = new Set<Digest>(plan.blobs.map(({ digest }) => digest));
  return [...blobs]
    .filter(([digest]) => !planned.has(digest) && digest !== indexDescriptor.digest)
    .map(([digest, size]) => ({ mediaType: 'application/octet-stream', digest, size }));
}

/** On an image record, these keep what nothing else refers to. */
function holdingLabels(blobs: readonly Descriptor[]): Labels {
  return Object.fromEntries(blobs.map(({ digest }, at) => [`${GC_REF_CONTENT}.unreferenced.${at}`, digest]));
}

/** Labels the store does not have yet, so that repeating an import writes nothing. */
async function lackingLabels(
  store: ContentStore,
  plan: ImportPlan,
  options: ImportOptions,
): Promise<ReadonlyMap<Digest, Labels>> {
  const lacking = new Map<Digest, Labels>();
  for (const [digest, wanted] of plan.labels) {
    const present = (await store.info(digest, options))?.labels ?? {};
    const entries = Object.entries(wanted).filter(([key, value]) => present[key] !== value);
    if (entries.length > 0) lacking.set(digest, Object.fromEntries(entries));
  }
  return lacking;
}

/** What a stream put into the store on its way was written by this import as well, though it was held by the end. */
function counted(copied: CopyResult, moved: readonly Descriptor[], { written }: ArchiveContents): CopyResult {
  const streamed = moved.filter(({ digest }) => written.has(digest));
  const bytes = streamed.reduce((sum, { size }) => sum + size, 0);
  return {
    blobs: {
      written: copied.blobs.written + streamed.length,
      existed: copied.blobs.existed - streamed.length,
    },
    bytes: { written: copied.bytes.written + bytes, existed: copied.bytes.existed - bytes },
  };
}

/** The largest layers first, so that none is left to be waited for alone; documents after all they refer to. */
function inWritingOrder(blobs: readonly Descriptor[]): Descriptor[] {
  const parts = blobs.filter((blob) => !isDocument(blob)).sort((a, b) => b.size - a.size);
  return [...parts, ...blobs.filter(isDocument)];
}
