import type { Descriptor } from '../../../oci/descriptor.js';
import type { Queries, Transaction } from '../database/connection.js';
import { VISIBLE_NAMESPACE } from '../index-file.js';
import { adopt, findAdoptable, type Adopted } from './adopt.js';
import type { Check } from './check.js';

/** An entry of an index.json that is to become an image. */
export interface Entry {
  readonly name?: string;
  readonly target: Descriptor;
}

/** What can be taken from an index.json: content first, then the names for it. */
export interface IndexAdoption {
  readonly content: readonly Adopted[];
  readonly images: readonly Required<Entry>[];
}

/** The content that entries point to and that is there in sound files, with what is below it. */
export async function planAdoption(check: Check, entries: readonly Entry[]): Promise<IndexAdoption> {
  const needs = entries.map(({ target: { digest, mediaType } }) => ({
    namespace: VISIBLE_NAMESPACE,
    digest,
    mediaType,
  }));
  const content = await findAdoptable(check, needs);
  const sizes = new Map(content.map(({ digest, size }) => [digest, size]));
  const images: Required<Entry>[] = [];
  for (const { name, target } of entries) {
    const size = sizes.get(target.digest) ?? (await heldSize(check, target));
    if (size !== target.size || size === 0 || target.mediaType === '') continue;
    images.push({ name: name || `recovered@${target.digest}`, target });
  }
  return { content, images };
}

function heldSize(check: Check, { digest }: Descriptor): Promise<number | undefined> {
  return check.read((queries) => {
    const row = queries.get(
      'SELECT b.size FROM content c JOIN blobs b USING (digest) WHERE c.namespace = ? AND c.digest = ?',
      VISIBLE_NAMESPACE,
      digest,
    );
    return row && Number(row['size']);
  });
}

/** Those entries that the records do not know: of a name that is known, the records are right. */
export function unknownEntries(queries: Queries, entries: readonly Entry[]): readonly Entry[] {
  return entries.filter(({ name, target }) => {
    const known =
      name === undefined
        ? queries.get('SELECT 1 FROM images WHERE digest = ?', target.digest)
        : queries.get('SELECT 1 FROM images WHERE namespace = ? AND name = ?', VISIBLE_NAMESPACE, name);
    return known === undefined;
  });
}

/** Records what was planned; answers the names that are new. */
export function adoptPlanned(
  check: Check,
  transaction: Transaction,
  { content, images }: IndexAdoption,
): readonly string[] {
  for (const each of content) adopt(check, transaction, each);
  const now = Date.now();
  return images
    .filter(({ name, target }) => {
      const added = transaction.run(
        `INSERT OR IGNORE INTO images (namespace, name, mediatype, digest, size, annotations, labels, created, updated)
           VALUES (?, ?, ?, ?, ?, ?, '{}', ?, ?)`,
        VISIBLE_NAMESPACE,
        name,
        target.mediaType,
        target.digest,
        target.size,
        JSON.stringify(target.annotations ?? {}),
        now,
        now,
      );
      return added > 0;
    })
    .map(({ name }) => name);
}
