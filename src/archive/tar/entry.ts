/** What an entry is, from its type flag and, for old archives, its name. `other`: see `typeflag`. */
export type EntryType =
  | 'file'
  | 'hard-link'
  | 'symlink'
  | 'character-device'
  | 'block-device'
  | 'directory'
  | 'fifo'
  | 'contiguous'
  | 'sparse'
  | 'other';

/** A point in time: seconds since 1970 (negative before), and nanoseconds from 0 to 999 999 999 to be added. */
export interface TarTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/**
 * One member of an archive, with everything its extended headers say already applied. Plain data.
 *
 * Names are text as the archive has them: never cleaned, never safe to use as a path. They are UTF-8; a name whose
 * bytes are not is read as Latin-1, one character a byte.
 */
export interface TarEntry {
  readonly name: string;
  readonly type: EntryType;
  /** The type flag as it is in the header, one Latin-1 character. */
  readonly typeflag: string;
  /** Bytes of its content; 0 for the types that have none. Of a sparse file: as if it were expanded. */
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: TarTime;
  readonly atime: TarTime | undefined;
  readonly ctime: TarTime | undefined;
  /** Target of a symbolic or hard link, else usually empty. */
  readonly linkName: string;
  readonly uname: string;
  readonly gname: string;
  readonly devMajor: number;
  readonly devMinor: number;
  /**
   * PAX records in force, global ones included, their values as raw bytes. An empty value takes back what a header or
   * a global record said.
   */
  readonly pax: ReadonlyMap<string, Uint8Array>;
  /** Position of its own header block. */
  readonly offset: number;
  /** Position of the first byte of its content. */
  readonly dataOffset: number;
}

const TYPES: Readonly<Record<string, EntryType>> = {
  '\0': 'file',
  '0': 'file',
  '1': 'hard-link',
  '2': 'symlink',
  '3': 'character-device',
  '4': 'block-device',
  '5': 'directory',
  '6': 'fifo',
  '7': 'contiguous',
  S: 'sparse',
};

/** The type of an entry. Version 7 had no flag for directories: there a name that ends in a slash is one. */
export function entryType(typeflag: string, name: string): EntryType {
  if (typeflag === '\0' && name.endsWith('/')) return 'directory';
  return Object.hasOwn(TYPES, typeflag) ? (TYPES[typeflag] ?? 'other') : 'other';
}

/** Whether content follows the header; where not, a size in the header means nothing. */
export function hasContent(type: EntryType): boolean {
  switch (type) {
    case 'hard-link':
    case 'symlink':
    case 'character-device':
    case 'block-device':
    case 'directory':
    case 'fifo':
      return false;
    default:
      return true;
  }
}
