import type { FileHandle } from 'node:fs/promises';
import type { CallOptions, Reader } from '../../content/store.js';
import { blobNotFound, rangeOf } from '../../content/read-range.js';
import { chunksOf, isFileSlice, type ByteSource, type FileSlice } from '../../io/byte-source.js';
import { verifying } from '../../io/verify.js';
import type { Digest } from '../../oci/digest.js';
import { indexTar } from '../tar/index.js';
import type { ArchiveContents } from './archive-contents.js';
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
  options: CallOptions = {},
): Promise<ArchiveContents> {
  const { file, name, what } = archive;
  const documents = new LayoutDocuments(what);
  const slices = new Map<Digest, Uint8Array | FileSlice>();
  let marked = true;

  const end = (state: { marked: boolean }) => (marked = state.marked);
  for await (const entry of indexTar(file, {
    ...options,
    name,
    endMarker: 'optional',
    onEnd: end,
  })) {
    if (entry.type !== 'file') continue;
    const found = roleOf(entry.name, what);
    const slice: FileSlice = { file, offset: entry.dataOffset, length: entry.size };
    if (found.role === 'blob') slices.set(found.digest, slice);
    else if (found.role !== 'other') await documents.accept(found.role, entry.size, slice);
  }

  const { index, descriptor } = documents.requireIndex(marked);
  slices.set(descriptor.digest, index.raw);
  const blobs = new Map([...slices].map(([digest, { length }]) => [digest, length]));
  const open = (digest: Digest): Uint8Array | FileSlice => {
    const slice = slices.get(digest);
    if (slice === undefined) throw blobNotFound(digest);
    return slice;
  };
  return {
    what,
    index,
    indexDescriptor: descriptor,
    blobs,
    written: new Set(),
    endMarked: marked,
    open,
    content: sliceReader(blobs, open, what),
  };
}

function sliceReader(
  blobs: ReadonlyMap<Digest, number>,
  open: (digest: Digest) => Uint8Array | FileSlice,
  archive: string,
): Reader {
  return {
    async stat({ digest }) {
      const size = blobs.get(digest);
      return size === undefined ? undefined : { digest, size };
    },
    async *read(target, { range, signal } = {}) {
      const whole = open(target.digest);
      if (range === undefined) {
        const what = `blob ${JSON.stringify(target.digest)} of ${archive}`;
        yield* verifying(chunksOf(whole, { signal }), target, { what, code: 'MISMATCH' });
        return;
      }
      const { start, end } = rangeOf(range, blobs.get(target.digest) ?? 0);
      yield* chunksOf(partOf(whole, start, end), { signal });
    },
  };
}

function partOf(whole: Uint8Array | FileSlice, start: number, end: number): ByteSource {
  if (!isFileSlice(whole)) return whole.subarray(start, end);
  return { file: whole.file, offset: whole.offset + start, length: end - start };
}
