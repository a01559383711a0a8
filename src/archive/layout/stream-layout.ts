import type { CallOptions, ContentStore, Reader, Target } from '../../content/store.js';
import type { OnProgress } from '../../content/progress.js';
import { blobNotFound } from '../../content/read-range.js';
import { chunksOf, type Bytes } from '../../io/byte-source.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';
import { readTar } from '../tar/index.js';
import { aboutArchive, inArchive } from '../archive-error.js';
import type { ArchiveContents } from './archive-contents.js';
import { roleOf } from './entry-name.js';
import { LayoutDocuments, type ArchiveIndex } from './layout-documents.js';
import type { StreamSelection } from './stream-selection.js';

export interface StreamLayoutOptions extends CallOptions {
  /** Takes in the blobs: the store, viewed under the lease of the import. */
  readonly store: ContentStore;
  /** Says which blobs are needed once the index has come; before that, all are kept. */
  readonly selectionFor: (found: ArchiveIndex) => StreamSelection;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Reads an archive once, from front to back, putting its blobs into the store as they come by: a pipe cannot be asked
 * again. Blobs that are held already, and those known not to be needed, are passed over. Every blob is verified
 * against its name.
 *
 * @throws {StowageError} INVALID, UNSUPPORTED or LIMIT_EXCEEDED for what is no image archive; MISMATCH for a blob that
 *   is not what its name says.
 */
export async function readStreamLayout(
  archive: { readonly chunks: Bytes; readonly name: string; readonly what: string },
  options: StreamLayoutOptions,
): Promise<ArchiveContents> {
  const { chunks, name, what } = archive;
  const { store, signal, onProgress } = options;
  const documents = new LayoutDocuments(what);
  const blobs = new Map<Digest, number>();
  const written = new Set<Digest>();
  let selection: StreamSelection | undefined;
  let marked = true;

  const arrived = async (digest: Digest, size: number) =>
    aboutArchive(what, async () => selection?.arrived(digest, size, store));

  const end = (state: { marked: boolean }) => (marked = state.marked);
  for await (const entry of readTar(chunks, { signal, name, endMarker: 'optional', onEnd: end })) {
    if (entry.type !== 'file') continue;
    const found = roleOf(entry.name, what);
    if (found.role === 'other') continue;
    if (found.role !== 'blob') {
      await documents.accept(found.role, entry.size, entry.body);
      if (found.role === 'index') {
        selection = options.selectionFor(documents.requireIndex());
        for (const [digest, size] of blobs) await arrived(digest, size);
      }
      continue;
    }
    const { digest } = found;
    blobs.set(digest, entry.size);
    if (selection?.needs(digest) === false) continue;
    const stored = await inArchive(what, entry.name, () =>
      store.put({ digest, size: entry.size }, () => entry.body, {
        signal,
        onBytes: (count) => onProgress?.({ kind: 'bytes', count }),
      }),
    );
    if (!stored.existed) written.add(digest);
    onProgress?.({ kind: 'blob', ...stored });
    await arrived(digest, entry.size);
  }

  const { index, descriptor } = documents.requireIndex(marked);
  blobs.set(descriptor.digest, descriptor.size);
  return {
    what,
    index,
    indexDescriptor: descriptor,
    blobs,
    written,
    endMarked: marked,
    open: (digest) => {
      if (digest === descriptor.digest) return index.raw;
      throw blobNotFound(digest);
    },
    content: withDocument(descriptor, index.raw, store),
  };
}

/** A reader that also has one document which is in memory only. */
function withDocument(descriptor: Descriptor, raw: Uint8Array, reader: Reader): Reader {
  const isIt = (target: Target) => target.digest === descriptor.digest;
  return {
    stat: async (target, options) => (isIt(target) ? descriptor : reader.stat(target, options)),
    read: (target, options) => (isIt(target) ? chunksOf(raw, options) : reader.read(target, options)),
  };
}
