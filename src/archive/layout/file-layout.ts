import type { FileHandle } from 'node:fs/promises';
import type { FileSlice } from '../../io/byte-source.js';
import type { Digest } from '../../oci/digest.js';
import { EntryNames } from '../docker/entry-names.js';
import { indexTar } from '../tar/index.js';
import type { ArchiveContents } from './archive-contents.js';
import { fileOfSlice, type ArchiveFile } from './archive-file.js';
import { contentsOf, type LayoutOptions } from './contents.js';
import { roleOf } from './entry-name.js';
import { LayoutDocuments } from './layout-documents.js';

/**
 * Reads the headers and the documents of an archive in a regular file. No blob is read, and nothing is written; blobs
 * are opened as slices of the file when they are needed.
 *
 * @throws {StowageError} INVALID, UNSUPPORTED or LIMIT_EXCEEDED for what is no image archive.
 */
export async function readFileLayout(
  archive: { readonly file: FileHandle; readonly name: string; readonly what: string },
  options: LayoutOptions = {},
): Promise<ArchiveContents> {
  const { file, name, what } = archive;
  const documents = new LayoutDocuments(what);
  const blobs = new Map<Digest, ArchiveFile>();
  const names = new EntryNames(what);
  let endMarked = true;

  const onEnd = (state: { marked: boolean }) => (endMarked = state.marked);
  for await (const entry of indexTar(file, { ...options, name, endMarker: 'optional', onEnd })) {
    if (entry.type === 'symlink' || entry.type === 'hard-link') {
      names.addLink(entry.name, entry.linkName, entry.type);
    }
    if (entry.type !== 'file') continue;
    const found = roleOf(entry.name, what);
    const slice: FileSlice = { file, offset: entry.dataOffset, length: entry.size };
    names.addFile(entry.name, fileOfSlice(slice));
    if (found.role === 'blob') blobs.set(found.digest, fileOfSlice(slice));
    else if (found.role !== 'other') await documents.accept(found.role, entry.size, slice);
  }
  return contentsOf({ what, documents, blobs, names, written: new Set(), endMarked }, options);
}
