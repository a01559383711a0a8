/** The order of things in an archive, the same for streams and files: headers, content, padding, end marker. */
import type { StowageError } from '../../errors.js';
import { BLOCK_SIZE, indexOfData, paddingFor } from './block.js';
import type { TarEntry } from './entry.js';
import { decodeHeader, hasValidChecksum } from './header.js';
import type { Header } from './header.js';
import { isMetaHeader, MetaHeaders } from './meta-headers.js';
import { notTarError } from './not-tar.js';
import { MAX_ENTRIES } from './read-options.js';
import type { TarReadOptions } from './read-options.js';
import { archiveError, headerError, truncationError } from './tar-error.js';
import type { Place } from './tar-error.js';
import { quote } from './text.js';

/** Bytes of an archive, read forwards. */
export interface Cursor {
  /** Position of the next byte. */
  readonly position: number;
  /** The next `length` bytes, fewer only where the archive ends. They may change with the next call. */
  read(length: number): Promise<Uint8Array>;
  /** Reads to the end; position of the first byte that is not zero, undefined if all are. */
  findData(): Promise<number | undefined>;
}

export interface Found {
  readonly entry: TarEntry;
  /** Bytes of content in the archive, padding not included. */
  readonly stored: number;
}

export class TarWalk {
  readonly #cursor: Cursor;
  readonly #options: TarReadOptions;
  readonly #meta = new MetaHeaders();
  #entries = 0;

  constructor(cursor: Cursor, options: TarReadOptions) {
    this.#cursor = cursor;
    this.#options = options;
  }

  /** The next entry, the cursor being at its content; undefined behind the last one, when all was read and is right. */
  async next(): Promise<Found | undefined> {
    for (;;) {
      const place = this.#place(this.#cursor.position);
      const block = await this.#cursor.read(BLOCK_SIZE);
      if (block.length < BLOCK_SIZE) return this.#fileEnd(place, block);
      if (indexOfData(block) === -1) return this.#marker(place);
      if (!hasValidChecksum(block)) {
        if (place.offset === 0) throw notTarError(block, place.archive);
        throw headerError('INVALID', place, 'has a wrong checksum');
      }
      const header = decodeHeader(block, place);
      if (!isMetaHeader(header)) return this.#entry(header, place);
      this.#meta.admit(header, place);
      this.#meta.accept(header, await this.#content(header), place);
    }
  }

  /** The archive ends in the content of an entry or in its padding. */
  cutOff(entry: TarEntry, position: number): StowageError {
    return truncationError(
      { ...this.#place(position), entry: entry.name },
      `inside entry ${quote(entry.name)}`,
    );
  }

  async #entry(header: Header, place: Place): Promise<Found> {
    this.#entries += 1;
    const limit = this.#options.maxEntries ?? MAX_ENTRIES;
    if (this.#entries > limit) {
      throw archiveError('LIMIT_EXCEEDED', place, `it has more than ${limit} entries`);
    }
    for (let more = header.sparse?.extended === true; more;) {
      const block = await this.#cursor.read(BLOCK_SIZE);
      if (block.length < BLOCK_SIZE) throw this.#cutOffHeader('inside the map of a sparse file');
      more = block[504] !== 0;
    }
    const found = this.#meta.resolve(header, this.#cursor.position, place);
    if (found.entry.type === 'sparse' && this.#options.sparse !== 'list') {
      throw sparseError(found.entry, this.#options.name);
    }
    return found;
  }

  async #content(header: Header): Promise<Uint8Array> {
    // Copied: the cursor may reuse its buffer, and a record is not to keep a whole chunk of a stream in memory.
    const content = new Uint8Array(await this.#cursor.read(header.size));
    if (content.length < header.size) throw this.#cutOffHeader('inside an extended header');
    const padding = paddingFor(header.size);
    if ((await this.#cursor.read(padding)).length < padding) {
      throw this.#cutOffHeader('inside an extended header');
    }
    return content;
  }

  #fileEnd(place: Place, rest: Uint8Array): undefined {
    const { offset } = place;
    if (offset === 0) {
      if (rest.length === 0) throw archiveError('INVALID', place, 'it is empty, not a tar archive');
      throw notTarError(rest, place.archive);
    }
    if (rest.length > 0) throw this.#cutOffHeader('inside a header');
    if (this.#meta.pending)
      throw this.#cutOffHeader('between an extended header and the entry it belongs to');
    this.#end(false, offset);
  }

  async #marker(place: Place): Promise<undefined> {
    if (this.#meta.pending) {
      throw headerError('INVALID', place, 'is an end marker, an extended header in front of it has no entry');
    }
    const second = await this.#cursor.read(BLOCK_SIZE);
    const data = indexOfData(second);
    if (data !== -1) throw this.#dataBehind(place, place.offset + BLOCK_SIZE + data, 'a lone block of zeros');
    if (second.length < BLOCK_SIZE) {
      if (second.length > 0) throw this.#cutOffHeader('inside its end marker');
      this.#end(false, place.offset);
      return;
    }
    const behind = await this.#cursor.findData();
    if (behind !== undefined) throw this.#dataBehind(place, behind, 'its end marker');
    this.#end(true, place.offset);
  }

  #end(marked: boolean, offset: number): void {
    if (!marked && this.#options.endMarker !== 'optional') {
      throw this.#cutOffHeader('without an end marker');
    }
    this.#options.onEnd?.({ marked, offset });
  }

  #dataBehind(place: Place, position: number, what: string): StowageError {
    // Disk images begin with zeros, too.
    if (place.offset === 0) return notTarError(new Uint8Array(0), place.archive);
    return archiveError(
      'INVALID',
      place,
      `it holds data after ${what}, at byte ${position}: several archives concatenated?`,
      {
        hint: 'split them, and read each by itself',
      },
    );
  }

  #cutOffHeader(inside: string): StowageError {
    return truncationError(this.#place(this.#cursor.position), inside);
  }

  #place(offset: number): Place {
    return { archive: this.#options.name, offset };
  }
}

export function sparseError(entry: TarEntry, archive: string | undefined): StowageError {
  const place = { archive, offset: entry.offset, entry: entry.name };
  return archiveError('UNSUPPORTED', place, `entry ${quote(entry.name)} is a sparse file`, {
    hint: 'write the archive again without --sparse',
  });
}
