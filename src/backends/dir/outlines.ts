/** The outlines that are remembered, in rows beside those of the blobs; a row goes with its blob. */
import { isRemembered, type DocumentOutline, type Outline } from '../../content/outline.js';
import type { Target } from '../../content/store.js';
import { readFully } from '../../io/byte-source.js';
import type { Digest } from '../../oci/digest.js';
import { isImageConfig } from '../../oci/media-type.js';
import type { Platform } from '../../oci/platform.js';
import type { Queries, Transaction } from './database/connection.js';
import type { Files } from './files.js';
import { text } from './rows.js';

/** So many are looked up in one statement: their text is in memory as a whole for a moment. */
const MANY = 1_000;

/**
 * Those that are held, with what is remembered of them and of their configuration, as one text: as rows they would take
 * several times as long. CROSS JOIN keeps the order: left to itself, SQLite looks through what is wanted once for every
 * row.
 */
const FIND = `
  SELECT json_group_array(json_array(c.digest, b.size, json(o.outline), p.outline)) AS found
    FROM json_each(?) AS wanted
    CROSS JOIN content c ON c.namespace = ? AND c.digest = wanted.value
    CROSS JOIN blobs b ON b.digest = c.digest
    LEFT JOIN outlines o ON o.digest = c.digest
    LEFT JOIN content pc ON pc.namespace = c.namespace AND pc.digest = json_extract(o.outline, '$.children[0].digest')
    LEFT JOIN outlines p ON p.digest = pc.digest`;

/** Written by this backend itself, so it needs no door. */
type Found = [digest: Digest, size: number, outline: Outline | null, first: string | null];

/** Those of the targets that a namespace holds, with what is remembered of them. */
export function findOutlines(
  queries: Queries,
  namespace: string,
  targets: readonly Target[],
): ReadonlyMap<Digest, Outline | undefined> {
  const found = new Map<Digest, Outline | undefined>();
  const sizes = new Map(targets.map(({ digest, size }) => [digest, size]));
  const digests = [...sizes.keys()];
  // Thousands of configurations say the same of their platform.
  const platforms = new Map<string, Platform | undefined>();
  const platformOf = (outline: string) => {
    if (!platforms.has(outline)) {
      const config = JSON.parse(outline) as Outline;
      platforms.set(outline, config.kind === 'config' ? config.platform : undefined);
    }
    return platforms.get(outline);
  };
  for (let start = 0; start < digests.length; start += MANY) {
    const row = queries.get(FIND, JSON.stringify(digests.slice(start, start + MANY)), namespace);
    for (const [digest, size, outline, first] of JSON.parse(text(row?.['found'])) as Found[]) {
      const wanted = sizes.get(digest);
      const fits = outline !== null && (wanted === undefined || wanted === size);
      const platform =
        fits && first !== null && outline.kind === 'manifest' && isConfigured(outline)
          ? platformOf(first)
          : undefined;
      found.set(digest, fits ? (platform ? Object.assign(outline, { platform }) : outline) : undefined);
    }
  }
  return found;
}

/** What is no configuration by its media type says nothing, though it may be stored as one for another image. */
function isConfigured({ children: [first] }: DocumentOutline): boolean {
  return first !== undefined && isImageConfig(first.mediaType);
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
