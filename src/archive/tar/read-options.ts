import type { CallOptions } from '../../content/store.js';

/** Most entries an archive may have, unless an option says otherwise. A large root file system has 500 000. */
export const MAX_ENTRIES = 1_000_000;

/** How an archive ended. */
export interface ArchiveEnd {
  /** Whether by its end marker, two blocks of zeros, rather than by the end of the file. */
  readonly marked: boolean;
  /** Position of the end marker, or the length of an archive without one. */
  readonly offset: number;
}

export interface TarReadOptions extends CallOptions {
  /** What to call the archive in messages. @default no name */
  readonly name?: string | undefined;
  /**
   * Whether an archive that ends after a whole entry, without an end marker, is an error: without one nobody can tell
   * that no entry is missing. @default 'required'
   */
  readonly endMarker?: 'required' | 'optional' | undefined;
  /**
   * What to do at a sparse file (GNU, PAX), whose holes are not expanded here: fail, or list it as an entry of type
   * `sparse` whose content cannot be read. @default 'refuse'
   */
  readonly sparse?: 'refuse' | 'list' | undefined;
  /** @default MAX_ENTRIES */
  readonly maxEntries?: number | undefined;
  /** Called once, when the archive was read to its end and nothing is wrong with it. */
  readonly onEnd?: ((end: ArchiveEnd) => void) | undefined;
}
