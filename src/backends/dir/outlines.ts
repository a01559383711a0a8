/** The outlines that are remembered, in rows beside those of the blobs; a row goes with its blob. */
import { isRemembered, type Outline } from '../../content/outline.js';
import type { Target } from '../../content/store.js';
import { readFully } from '../../io/byte-source.js';
import type { Digest } from '../../oci/digest.js';
import type { Queries, Transaction } from './database/connection.js';
import type { Files } from './files.js';

/** Those of the targets that a namespace holds, with what is remembered of them. */
export function findOutlines(
  queries: Queries,
  namespace: string,
  targets: readonly Target[],
): ReadonlyMap<Digest, Outline | undefined> {
  const asked = new Map<string, Target>(targets.map((target) => [target.digest, target]));
  const rows = queries.all(
    // CROSS JOIN keeps the order: left to itself, SQLite looks through what is wanted once for every row.
    `SELECT c.digest, b.size, o.outline FROM json_each(?) AS wanted
       CROSS JOIN content c ON c.namespace = ? AND c.digest = wanted.value
       CROSS JOIN blobs b ON b.digest = c.digest
       LEFT JOIN outlines o ON o.digest = c.digest`,
    JSON.stringify([...asked.keys()]),
    namespace,
  );
  const found = new Map<Digest, Outline | undefined>();
  for (const row of rows) {
    const target = asked.get(String(row['digest']));
    if (target === undefined) continue;
    const outline = row['outline'];
    const fits = target.size === undefined || target.size === Number(row['size']);
    // Written by this backend itself, so it needs no door.
    found.set(
      target.digest,
      fits && typeof outline === 'string' ? (JSON.parse(outline) as Outline) : undefined,
    );
  }
  return found;
}

export function recordOutline(transaction: Transaction, digest: Digest, outline: Outline): void {
  transaction.run(
    'INSERT OR REPLACE INTO outlines (digest, outline) VALUES (?, ?)',
    digest,
    JSON.stringify(outline),
  );
}

/**
 * The outline of a blob whose bytes are in a file, verified already. Undefined if it has none that is worth
 * remembering, or should anything go wrong: who needs it then finds out what it was.
 */
export async function outlineOfFile(
  files: Files,
  path: string | undefined,
  target: Target & { readonly size: number },
): Promise<Outline | undefined> {
  if (path === undefined || !isRemembered(target)) return undefined;
  try {
    // Only whoever stores documents pays for loading what reads them.
    const { outlineOf } = await import('../../content/read-outline.js');
    const file = await files.open(path, 'r');
    try {
      const slice = { file, offset: 0, length: target.size };
      const raw = await readFully(slice, 0, Buffer.alloc(target.size));
      return outlineOf(raw, target);
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}
