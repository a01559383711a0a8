/**
 * Tar archives: reading from a stream (`readTar`) or by seeking in a file (`indexTar`), and writing (`encodeHeader`).
 *
 * block, numeric, text, pax   the parts a header is made of
 * header                      one block: version 7, ustar, star, GNU
 * meta-headers                what PAX and GNU long-name headers change about the next entry
 * walk                        the order of things in an archive, shared by both readers
 * reader, index-file          walk over a stream, and over a file
 * writer                      headers, ustar where it can hold them, else PAX
 *
 * Nothing here touches a path: names are text for the caller to judge. Whatever ends too early is an error, and so is
 * whatever goes on after its end.
 */
export { BLOCK_SIZE, END_OF_ARCHIVE, paddingFor } from './block.js';
export type { EntryType, TarEntry, TarTime } from './entry.js';
export { indexTar } from './index-file.js';
export { MAX_GLOBAL_BYTES, MAX_META_BYTES, MAX_META_HEADERS } from './meta-headers.js';
export { formatNumeric, parseNumeric } from './numeric.js';
export { MAX_ENTRIES } from './read-options.js';
export type { ArchiveEnd, TarReadOptions } from './read-options.js';
export { readTar } from './reader.js';
export type { TarStreamEntry } from './reader.js';
export type { TarSource } from './stream-cursor.js';
export { encodeHeader } from './writer.js';
export type { TarHeaderFields } from './writer.js';
