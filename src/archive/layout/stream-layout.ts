import type { Reader, Writer } from '../../content/store.js';
import type { OnProgress } from '../../content/progress.js';
import type { Bytes } from '../../io/byte-source.js';
import { decompress } from '../../io/compression/decompress.js';
import { DETECTION_BYTES } from '../../io/compression/detect.js';
import { digestOf } from '../../io/hash.js';
import { readAll } from '../../io/limit.js';
import type { Digest } from '../../oci/digest.js';
import { EntryNames } from '../docker/entry-names.js';
import { readTar, type TarStreamEntry } from '../tar/index.js';
import { isStowageError, type StowageError } from '../../errors.js';
import { aboutArchive, inArchive } from '../archive-error.js';
import type { ArchiveContents } from './archive-contents.js';
import { fileOfBytes, type ArchiveFile } from './archive-file.js';
import { contentsOf, type LayoutOptions } from './contents.js';
import { roleOf } from './entry-name.js';
import { LayoutDocuments, type ArchiveIndex } from './layout-documents.js';
import type { StreamSelection } from './stream-selection.js';

/** Files up to this size that nobody has asked for yet are kept in memory, for most of them never are … */
const SMALL_BYTES = 64 * 1024;

/** … as long as they are not more than this together. */
const SMALL_BYTES_IN_ALL = 16 * 1024 * 1024;

export interface StreamLayoutOptions extends LayoutOptions {
  /** Takes in the blobs: the store, viewed under the lease of the import. */
  readonly store: Reader & Writer;
  /** Says which blobs are needed once the index has come; before that, all are kept. */
  readonly selectionFor: (found: ArchiveIndex) => StreamSelection;
  readonly onProgress?: OnProgress | undefined;
  /** Go on where a blob is not what its name says, or a document cannot be read. @default false */
  readonly keepGoing?: boolean | undefined;
}

/**
 * Reads an archive once, from front to back, decompressing it where it is compressed, putting its blobs into the store as they come by: a pipe cannot be asked
 * again. Blobs that are held already, and those known not to be needed, are passed over. Every blob is verified
 * against its name.
 *
 * What Docker's archives call their parts is known only from a document that most often comes last: until there is an
 * index, every file is taken for one. What turns out to be none goes when the lease does.
 *
 * @throws {StowageError} INVALID, UNSUPPORTED or LIMIT_EXCEEDED for what is no image archive; MISMATCH for a blob that
 *   is not what its name says.
 */
export async function readStreamLayout(
  archive: { readonly chunks: Bytes; readonly name: string; readonly what: string },
  options: StreamLayoutOptions,
): Promise<ArchiveContents> {
  const { chunks, name, what } = archive;
  const { store, signal } = options;
  const documents = new LayoutDocuments(what);
  const intake = new Intake(what, options);
  const names = new EntryNames(what);
  const blobs = new Map<Digest, ArchiveFile>();
  let selection: StreamSelection | undefined;
  let endMarked = true;

  const broken = new Map<Digest, StowageError>();
  const goOn = (error: unknown): StowageError => {
    if (options.keepGoing !== true || !isStowageError(error) || !OF_CONTENT.has(error.code)) throw error;
    return error;
  };
  const arrived = async (digest: Digest, size: number) =>
    aboutArchive(what, async () => selection?.arrived(digest, size, store)).catch((error: unknown) => {
      // The plan reads it again, and says what is wrong with whose image.
      goOn(error);
    });

  const onEnd = (state: { marked: boolean }) => (endMarked = state.marked);
  const unpacked = decompress(chunks, { what, signal });
  for await (const entry of readTar(unpacked, { signal, name, endMarker: 'optional', onEnd })) {
    if (entry.type === 'symlink' || entry.type === 'hard-link') {
      names.addLink(entry.name, entry.linkName, entry.type);
    }
    if (entry.type !== 'file') continue;
    const found = roleOf(entry.name, what);
    if (found.role === 'other') {
      if (selection === undefined) names.addFile(entry.name, await intake.part(entry));
      continue;
    }
    if (found.role !== 'blob') {
      const bytes = await documents.accept(found.role, entry.size, entry.body);
      // Links may lead to it, as to any other file.
      names.addFile(entry.name, fileOfBytes(bytes, digestOf(bytes)));
      const index = found.role === 'index' ? documents.index() : undefined;
      // One that lists nothing may stand beside the documents of Docker, which then count.
      if (index !== undefined && index.index.manifests.length > 0) {
        selection = options.selectionFor(index);
        for (const [digest, { size }] of blobs) await arrived(digest, size);
      }
      continue;
    }
    const { digest } = found;
    const file = intake.stored(digest, entry.size);
    blobs.set(digest, file);
    names.addFile(entry.name, file);
    if (selection?.needs(digest) === false) continue;
    try {
      await intake.blob(entry, digest);
    } catch (error) {
      broken.set(digest, goOn(error));
      blobs.delete(digest);
      continue;
    }
    await arrived(digest, entry.size);
  }
  return {
    ...(await contentsOf({ what, documents, blobs, names, written: intake.written, endMarked }, options)),
    broken,
  };
}

/** What may be wrong with a part of an archive, and not with the store it goes to. */
const OF_CONTENT: ReadonlySet<string> = new Set(['INVALID', 'LIMIT_EXCEEDED', 'MISMATCH', 'UNSUPPORTED']);

/** Takes entries of a stream into the store. */
class Intake {
  /** What was not in the store before. */
  readonly written = new Set<Digest>();
  readonly #archive: string;
  readonly #options: StreamLayoutOptions;
  #smallBytes = 0;

  constructor(archive: string, options: StreamLayoutOptions) {
    this.#archive = archive;
    this.#options = options;
  }

  /** A file of which only the name is known. */
  async part(entry: TarStreamEntry): Promise<ArchiveFile> {
    if (entry.size <= SMALL_BYTES && this.#smallBytes + entry.size <= SMALL_BYTES_IN_ALL) {
      this.#smallBytes += entry.size;
      // Copied: it is not to keep a whole chunk of the stream in memory.
      const bytes = Uint8Array.from(await readAll(entry.body, { limit: SMALL_BYTES, what: 'a small file' }));
      return fileOfBytes(bytes, digestOf(bytes));
    }
    let head: Uint8Array = new Uint8Array(0);
    async function* remembering() {
      for await (const chunk of entry.body) {
        // Copied for the same reason.
        if (head.byteLength < DETECTION_BYTES)
          head = Buffer.concat([head, chunk.subarray(0, DETECTION_BYTES)]);
        yield chunk;
      }
    }
    const digest = await this.#put(entry, undefined, remembering());
    return this.stored(digest, entry.size, head);
  }

  async blob(entry: TarStreamEntry, digest: Digest): Promise<void> {
    await this.#put(entry, digest);
  }

  /** A blob that can be read from the store, if it was put there; its first bytes, where they are known, without it. */
  stored(digest: Digest, size: number, head: Uint8Array = new Uint8Array(0)): ArchiveFile {
    const { store } = this.#options;
    const open = (start = 0, end = size) => {
      if (end <= head.byteLength) return head.subarray(start, end);
      const isWhole = start === 0 && end === size;
      return store.read({ digest, size }, isWhole ? {} : { range: { offset: start, length: end - start } });
    };
    return { size, digest, open };
  }

  async #put(entry: TarStreamEntry, digest?: Digest, body: Bytes = entry.body): Promise<Digest> {
    const { store, signal, onProgress } = this.#options;
    const target = digest === undefined ? undefined : { digest, size: entry.size };
    const put = () =>
      store.put(target, () => body, {
        signal,
        onBytes: (count) => onProgress?.({ kind: 'bytes', count }),
      });
    const stored = await inArchive(this.#archive, entry.name, put);
    if (!stored.existed) this.written.add(stored.digest);
    onProgress?.({ kind: 'blob', ...stored });
    return stored.digest;
  }
}
