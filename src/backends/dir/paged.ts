import type { CallOptions } from '../../content/store.js';
import type { Queries, SharedConnection } from './database/connection.js';
import type { Row } from './database/library.js';

/** How many rows of a list are read at a time. */
export const PAGE = 256;

/**
 * The items of a list, a page at a time: no statement stays open while somebody looks at an item, so that others may
 * write meanwhile. What comes or goes between two pages may or may not be seen.
 *
 * @param next answers the rows that come after an item, the first of all if it is undefined; at most {@link PAGE}.
 */
export async function* paged<T>(
  connection: SharedConnection,
  next: (queries: Queries, after: T | undefined) => readonly Row[],
  itemOf: (row: Row) => T,
  options: CallOptions,
): AsyncGenerator<T, void, undefined> {
  for (let after: T | undefined; ;) {
    const rows = await connection.read((queries) => next(queries, after), options);
    for (const row of rows) {
      options.signal?.throwIfAborted();
      after = itemOf(row);
      yield after;
    }
    if (rows.length < PAGE) return;
  }
}
