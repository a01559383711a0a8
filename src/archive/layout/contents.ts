import type { CallOptions, Catalog, Reader, Writer } from '../../content/store.js';
import type { Digest } from '../../oci/digest.js';
import { readDockerArchive } from '../docker/docker-archive.js';
import type { EntryNames } from '../docker/entry-names.js';
import type { MeantIn } from '../docker/wanted-images.js';
import type { ArchiveContents } from './archive-contents.js';
import { blobsIn, fileOfBytes, type ArchiveFile } from './archive-file.js';
import type { LayoutDocuments } from './layout-documents.js';

/** An archive whose entries have all been seen. */
export interface SeenArchive extends Pick<ArchiveContents, 'what' | 'written' | 'endMarked'> {
  readonly documents: LayoutDocuments;
  /** What is below `blobs/`, by the digest each name claims. */
  readonly blobs: ReadonlyMap<Digest, ArchiveFile>;
  /** Every file and link, as an archive of Docker refers to them. */
  readonly names: EntryNames;
}

export interface LayoutOptions extends CallOptions {
  /** Compress the plain layers of Docker's archives into this store, by gzip. @default they stay as they are */
  readonly compressInto?: (Reader & Writer) | undefined;
  /** Of the store: what it knows of layers of Docker's archives need not be found out again. @default nothing is known */
  readonly catalog?: Pick<Catalog, 'info' | 'list'> | undefined;
  /** Says which images of Docker's archives are meant; others need not be read. @default all are */
  readonly meantIn?: MeantIn | undefined;
}

/**
 * What an archive holds, in whichever form it is. An OCI layout is taken as it stands; for an archive of Docker the
 * manifests and the index are made up.
 *
 * @throws {StowageError} INVALID, UNSUPPORTED or LIMIT_EXCEEDED for what is no image archive.
 */
export async function contentsOf(seen: SeenArchive, options: LayoutOptions): Promise<ArchiveContents> {
  const { what, written, endMarked } = seen;
  const form = seen.documents.form(endMarked);
  if (form.kind !== 'oci') return readDockerArchive(seen, form, options);
  const { index, descriptor } = form;
  const files = new Map(seen.blobs).set(descriptor.digest, fileOfBytes(index.raw));
  return { what, index, indexDescriptor: descriptor, written, endMarked, ...blobsIn(files, what) };
}
