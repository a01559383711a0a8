/** What a place can do beyond the contract of readers where its blobs are files. */
import type { FileSlice } from '../io/byte-source.js';
import type { CallOptions, Reader, Target } from './store.js';

/** The whole of a blob as a stretch of a file that stays open until it is closed. */
export interface OpenSlice extends AsyncDisposable {
  readonly slice: FileSlice;
  /** To be called once nobody reads any more. Alias of its disposal. */
  close(): Promise<void>;
}

export interface SliceSource {
  /**
   * Opens the file of a blob, so that its bytes can be moved without passing through the main thread. Its length is
   * right; its bytes are *not* verified: whoever reads them has to hash them.
   *
   * @throws {StowageError} as {@link Reader.read} rejects.
   */
  openSlice(target: Target, options?: CallOptions): Promise<OpenSlice>;
}

export function isSliceSource(reader: Reader): reader is Reader & SliceSource {
  return 'openSlice' in reader;
}
