import type { FileHandle } from 'node:fs/promises';

/**
 * A stretch of an open file. Whoever gets one may read it with positioned reads, any number of times and at once,
 * for as long as its giver keeps the file open.
 */
export interface FileSlice {
  readonly file: FileHandle;
  /** Byte position of the first byte. */
  readonly offset: number;
  /** Length in bytes. */
  readonly length: number;
}

/**
 * Bytes on their way in. A yielded chunk belongs to its receiver and is never written again; a file slice may be
 * read by the receiver itself, without its bytes passing through the main thread.
 */
export type ByteSource = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array> | FileSlice;

/** Bytes on their way out: opens nothing before it is iterated, closes when iteration ends. */
export type Bytes = AsyncIterable<Uint8Array>;

export function isFileSlice(source: ByteSource): source is FileSlice {
  return !(source instanceof Uint8Array) && 'file' in source && 'offset' in source;
}
