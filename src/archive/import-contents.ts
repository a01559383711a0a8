import type { OnProgress } from '../content/progress.js';
import { isStowageError } from '../errors.js';
import type { CallOptions, Catalog, Reader, Writer } from '../content/store.js';
import { DOCKER_REFERENCE_DIGEST } from '../oci/annotation.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { any } from '../oci/platform-match.js';
import type { Platform } from '../oci/platform.js';
import type { OpenArchive } from './archive-source.js';
import { namesFor, type NamingOptions } from './import-names.js';
import { mayRefer } from './import-referrers.js';
import type { ArchiveContents } from './layout/archive-contents.js';
import type { LayoutOptions } from './layout/contents.js';
import { readDirectoryLayout } from './layout/directory-layout.js';
import { readFileLayout } from './layout/file-layout.js';
import type { ArchiveIndex } from './layout/layout-documents.js';
import { readStreamLayout } from './layout/stream-layout.js';
import { StreamSelection } from './layout/stream-selection.js';

export interface ContentsOptions extends CallOptions, NamingOptions {
  readonly platforms?: readonly Platform[] | undefined;
  readonly allBlobs?: boolean | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Go on where a blob of a stream is not what its name says: it counts as missing then. @default false */
  readonly keepGoing?: boolean | undefined;
  /** Of the store that takes the archive in. @default nothing is known of what it holds */
  readonly catalog?: Pick<Catalog, 'info' | 'list'> | undefined;
  /** Compress plain layers of Docker's archives into `store`, by gzip. @default false */
  readonly compressBlobs?: boolean | undefined;
}

/**
 * What an archive holds. Of a file only headers and documents are read, and nothing is written; the blobs of a stream
 * go into `store` as they come by, as far as they may be needed.
 */
export async function readContents(
  store: Reader & Writer,
  archive: OpenArchive,
  options: ContentsOptions,
): Promise<ArchiveContents> {
  const { signal } = options;
  const layout: LayoutOptions = {
    signal,
    compressInto: options.compressBlobs === true ? store : undefined,
    catalog: options.catalog,
    meantIn: (found) => meantIn(found, archive.what, options),
  };
  if (archive.kind === 'file') return readFileLayout(archive, layout);
  if (archive.kind === 'directory') return readDirectoryLayout(archive, layout);
  options.onProgress?.({ kind: 'total', totalBytes: undefined, blobs: undefined });
  return readStreamLayout(archive, {
    ...layout,
    store,
    onProgress: options.onProgress,
    keepGoing: options.keepGoing,
    selectionFor: (found) => selectionFor(found, archive.what, options),
  });
}

/** Whatever gets a name is meant. Where the digests themselves have a say, or nothing fits, all images are. */
function meantIn(
  { index, descriptor }: ArchiveIndex,
  archive: string,
  options: ContentsOptions,
): ReadonlySet<Digest> | undefined {
  if (options.allBlobs === true || options.digests === true) return undefined;
  try {
    const names = namesFor(index.manifests, descriptor, archive, options);
    return new Set(names.map(({ target }) => target.digest));
  } catch (error) {
    // With all images before it, the plan comes to the right answer.
    if (!isStowageError(error)) throw error;
    return undefined;
  }
}

/** What of a stream is needed, as soon as its index is known. */
function selectionFor(
  { index, descriptor }: ArchiveIndex,
  archive: string,
  options: ContentsOptions,
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
  // Which of these belong to what is imported is known only when they were read.
  const referrers = index.manifests.filter(mayRefer);
  const roots = options.allBlobs === true ? 'everything' : [...targets, ...everything, ...referrers];
  return new StreamSelection(roots, wants);
}
