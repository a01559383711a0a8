import type { FileHandle } from 'node:fs/promises';
import { isStowageError, StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import type { OnProgress } from '../../content/progress.js';
import { chunksOf, type Bytes, type FileSlice } from '../../io/byte-source.js';
import type { CopyLanes } from '../../io/copy-lanes.js';
import { pool } from '../../io/pool.js';
import { algorithmOf, type Digest } from '../../oci/digest.js';
import { MANIFEST_LIMIT } from '../../oci/json.js';
import { fileOfSlice } from '../layout/archive-file.js';
import { indexTar, readTar, type TarEntry, type TarReadOptions } from '../tar/index.js';
import { NOT_KEPT, type FoundFile, type Inventory } from './inventory.js';
import { observe, observeSlice } from './observe.js';

export interface ReadOptions extends CallOptions {
  /** Who hashes what is not compressed and lies in a file. */
  readonly lanes: CopyLanes;
  readonly onProgress?: OnProgress | undefined;
}

/** Blobs of a file that are read at once: while one is hashed, the next are decompressed. */
const AT_ONCE = 4;

/** Bytes of documents of a stream that are kept, since it cannot be asked for them again. */
const KEEP_LIMIT = 64 * 1024 * 1024;

/** Takes in a tar in a regular file: its headers first, then the content of what matters, several files at once. */
export async function readTarFile(
  file: FileHandle,
  inventory: Inventory,
  options: ReadOptions,
): Promise<void> {
  const end = await walk(inventory, indexTar(file, tarOptions(inventory, options)), async (entry) => {
    const role = entry.type === 'directory' ? undefined : inventory.roleOf(entry.name);
    if (role === undefined || !isReadable(entry, role.role, inventory)) return;
    const slice: FileSlice = { file, offset: entry.dataOffset, length: entry.size };
    const found: FoundFile = {
      ...fileOfSlice(slice),
      entry: entry.name,
      lend: (use) => use(slice),
      observed: undefined,
    };
    if (role.role === 'blob') inventory.addBlob(role.digest, found);
    else if (role.role === 'other') inventory.addOther(found);
    else await inventory.addDocument(role.role, entry.name, entry.size, slice);
  });
  end();
  await observeAll(inventory, options);
}

/** Takes in a tar as it comes. Documents are kept, within limits; everything else is looked at while it passes by. */
export async function readTarStream(
  chunks: Bytes,
  inventory: Inventory,
  options: ReadOptions,
): Promise<void> {
  let room = KEEP_LIMIT;
  const { signal, onProgress } = options;
  const end = await walk(inventory, readTar(chunks, tarOptions(inventory, options)), async (entry) => {
    const role = entry.type === 'directory' ? undefined : inventory.roleOf(entry.name);
    if (role === undefined || !isReadable(entry, role.role, inventory)) return;
    if (role.role !== 'blob' && role.role !== 'other') {
      await inventory.addDocument(role.role, entry.name, entry.size, entry.body);
      return;
    }
    const observed = await observe(entry.body, {
      algorithm: role.role === 'blob' ? algorithmOf(role.digest) : 'sha256',
      keep: Math.min(room, MANIFEST_LIMIT),
      onBytes: (count) => onProgress?.({ kind: 'bytes', count }),
      signal,
    });
    room -= observed.bytes?.byteLength ?? 0;
    const found: FoundFile = {
      entry: entry.name,
      size: observed.size,
      observed,
      open: () => observed.bytes ?? NOT_KEPT,
    };
    onProgress?.({ kind: 'blob', digest: observed.digest, size: observed.size, existed: false });
    if (role.role === 'blob') inventory.addBlob(role.digest, found);
    else inventory.addOther(found);
  });
  end();
}

/**
 * Reads every blob, and where Docker's documents are there every other file as well: they are its layers.
 */
export async function observeAll(
  inventory: Inventory,
  { lanes, signal, onProgress }: ReadOptions,
): Promise<void> {
  const hasDocker = inventory.present.has('docker-manifest') || inventory.present.has('docker-repositories');
  const files: (readonly [FoundFile, Digest | undefined])[] = [
    ...[...inventory.blobs].map(([digest, file]) => [file, digest] as const),
    ...(hasDocker ? inventory.others.map((file) => [file, undefined] as const) : []),
  ];
  onProgress?.({
    kind: 'total',
    totalBytes: files.reduce((sum, [{ size }]) => sum + size, 0),
    blobs: files.length,
  });
  await pool(
    files,
    async ([file, digest], linked) => {
      const options = {
        algorithm: digest === undefined ? 'sha256' : algorithmOf(digest),
        onBytes: (count: number) => onProgress?.({ kind: 'bytes', count }),
        signal: linked,
      };
      file.observed = await (file.lend === undefined
        ? observe(chunksOf(file.open(), { signal: linked }), options)
        : file.lend((slice) => observeSlice(slice, lanes, options)));
      onProgress?.({ kind: 'blob', digest: file.observed.digest, size: file.size, existed: false });
    },
    { concurrency: AT_ONCE, signal },
  );
}

function tarOptions(inventory: Inventory, { signal }: ReadOptions): TarReadOptions {
  return {
    signal,
    endMarker: 'optional',
    sparse: 'list',
    onEnd: ({ marked }) => (inventory.endMarked = marked),
  };
}

/** Whether an entry has content to look at; links are remembered, and what no reader takes is a finding. */
function isReadable(entry: TarEntry, role: string, inventory: Inventory): boolean {
  const { type, name, linkName } = entry;
  switch (type) {
    case 'file':
      return true;
    case 'symlink':
    case 'hard-link':
      inventory.addLink(name, linkName, type);
      if (role !== 'other') inventory.addOddEntry(name, 'a link');
      return false;
    case 'sparse':
      inventory.addOddEntry(name, 'a sparse file');
      return false;
    default:
      if (role !== 'other') inventory.addOddEntry(name, 'a device or something else');
      return false;
  }
}

/**
 * Goes through a tar as far as it can be read. What is wrong with it is told by the function that is answered, once
 * everything in front of it was taken in.
 *
 * @throws {StowageError} INVALID or UNSUPPORTED if it is no tar at all.
 */
async function walk<T extends TarEntry>(
  inventory: Inventory,
  entries: AsyncIterable<T>,
  take: (entry: T) => Promise<void>,
): Promise<() => void> {
  let count = 0;
  try {
    for await (const entry of entries) {
      count += 1;
      await take(entry);
    }
    return () => {};
  } catch (error) {
    if (!isStowageError(error)) throw error;
    const reason = error.message.replace(/^Cannot (?:read tar archive|decompress [^:]*): /, '');
    if (count === 0 && error.detail['truncated'] !== true) {
      throw new StowageError(
        error.code === 'UNSUPPORTED' ? 'UNSUPPORTED' : 'INVALID',
        `Cannot verify ${inventory.what}: ${reason}`,
        {
          detail: error.detail,
          hint: error.hint ?? 'an image archive is a tar, or a folder with oci-layout, index.json and blobs',
          cause: error,
        },
      );
    }
    const truncated = error.detail['truncated'] === true;
    inventory.cutOff = truncated;
    return () =>
      inventory.findings.add({
        severity: 'error',
        code: truncated
          ? 'archive-cut-off'
          : error.code === 'LIMIT_EXCEEDED'
            ? 'archive-limit'
            : 'archive-damaged',
        where: inventory.what,
        message: reason,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      });
  }
}
