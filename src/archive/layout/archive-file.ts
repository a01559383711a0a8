import type { Reader } from '../../content/store.js';
import { blobNotFound, rangeOf } from '../../content/read-range.js';
import { chunksOf, type ByteSource, type FileSlice } from '../../io/byte-source.js';
import { verifying } from '../../io/verify.js';
import type { Digest } from '../../oci/digest.js';
import type { ArchiveContents } from './archive-contents.js';

/** The content of a regular file of an archive, wherever it lies now. */
export interface ArchiveFile {
  /** In bytes. */
  readonly size: number;
  /** The digest it has, where it was computed already. */
  readonly digest?: Digest | undefined;
  /** Its bytes, not verified, or those from `start` up to but without `end`. Any number of times. */
  open(start?: number, end?: number): ByteSource;
}

export function fileOfSlice({ file, offset, length }: FileSlice): ArchiveFile {
  return {
    size: length,
    open: (start = 0, end = length) => ({ file, offset: offset + start, length: end - start }),
  };
}

export function fileOfBytes(bytes: Uint8Array, digest?: Digest): ArchiveFile {
  return { size: bytes.byteLength, digest, open: (start, end) => bytes.subarray(start, end) };
}

/** The blobs of an archive, given the file that each is said to be. */
export function blobsIn(
  files: ReadonlyMap<Digest, ArchiveFile>,
  archive: string,
): Pick<ArchiveContents, 'blobs' | 'open' | 'content'> {
  const fileOf = (digest: Digest): ArchiveFile => {
    const file = files.get(digest);
    if (file === undefined) throw blobNotFound(digest);
    return file;
  };
  const content: Reader = {
    async stat({ digest }) {
      const size = files.get(digest)?.size;
      return size === undefined ? undefined : { digest, size };
    },
    async *read(target, { range, signal } = {}) {
      const file = fileOf(target.digest);
      if (range === undefined) {
        const what = `blob ${JSON.stringify(target.digest)} of ${archive}`;
        yield* verifying(chunksOf(file.open(), { signal }), target, { what, code: 'MISMATCH' });
        return;
      }
      const { start, end } = rangeOf(range, file.size);
      yield* chunksOf(file.open(start, end), { signal });
    },
  };
  return {
    blobs: new Map([...files].map(([digest, { size }]) => [digest, size])),
    open: (digest) => fileOf(digest).open(),
    content,
  };
}
