import { GC_REF_CONTENT, isKeyOf } from '../../../images/gc-labels.js';
import { isDigest, type Digest } from '../../../oci/digest.js';
import type { Queries } from '../database/connection.js';
import type { Row } from '../database/library.js';
import { PAGE, paged } from '../paged.js';
import { mapOf } from '../rows.js';
import { imageWhere } from './check-records.js';
import type { Check, Draft } from './check.js';

/** Digests a message names; the finding itself has all. */
const NAMED = 3;

interface Image {
  readonly namespace: string;
  readonly name: string;
  readonly digest: Digest;
}

/**
 * Image by image, whether all is there that was stored with it. What that is, its labels say: a platform that was left
 * out when the image was imported has none.
 */
export async function checkImages(check: Check): Promise<void> {
  const query = `SELECT namespace, name, digest FROM images WHERE (namespace, name) > (?, ?)
    ORDER BY namespace, name LIMIT ${PAGE}`;
  const images = paged<Row>(
    check.place.connection,
    (queries, after) => queries.all(query, after?.['namespace'] ?? '', after?.['name'] ?? ''),
    (row) => row,
    { signal: check.signal },
  );
  for await (const row of images) {
    const digest = String(row['digest']);
    if (!isDigest(digest)) continue;
    await checkImage(check, { namespace: String(row['namespace']), name: String(row['name']), digest });
  }
}

async function checkImage(check: Check, image: Image): Promise<void> {
  const problem = await check.read((queries) => problemOf(queries, image, check.lost));
  if (problem === undefined) return;
  await check.settle((queries) => {
    const { namespace, name } = image;
    const row = queries.get('SELECT digest FROM images WHERE namespace = ? AND name = ?', namespace, name);
    const digest = String(row?.['digest']);
    return isDigest(digest) ? problemOf(queries, { namespace, name, digest }, check.lost) : undefined;
  });
}

function problemOf(queries: Queries, image: Image, lost: ReadonlySet<Digest>): Draft | undefined {
  const { namespace, name, digest } = image;
  const missing = missingBelow(queries, image, lost);
  if (missing.length === 0) return undefined;
  const facts = { where: imageWhere(namespace, name), namespace, name, missing };
  const hint = 'import the image again, or remove its name';
  if (missing.includes(digest)) {
    return { ...facts, code: 'image-target', message: `its target ${digest} is not there`, hint };
  }
  const named = missing.slice(0, NAMED).join(', ');
  const more = missing.length > NAMED ? `, and ${missing.length - NAMED} more` : '';
  return { ...facts, code: 'image-incomplete', message: `it lacks ${named}${more}`, hint };
}

/** What an image leads to by its labels and the namespace does not hold, or holds damaged. */
function missingBelow(
  queries: Queries,
  { namespace, digest: target }: Image,
  lost: ReadonlySet<Digest>,
): Digest[] {
  const missing: Digest[] = [];
  const seen = new Set<Digest>([target]);
  // Grows while it is walked through.
  for (const digest of seen) {
    const row = queries.get(
      'SELECT labels FROM content WHERE namespace = ? AND digest = ?',
      namespace,
      digest,
    );
    if (row === undefined || lost.has(digest)) missing.push(digest);
    for (const child of keptBy(row?.['labels'])) seen.add(child);
  }
  return missing;
}

/** What labels say a blob keeps. */
export function keptBy(labels: unknown): Digest[] {
  if (typeof labels !== 'string' || !labels.includes(GC_REF_CONTENT)) return [];
  try {
    return Object.entries(mapOf(labels)).flatMap(([key, value]) =>
      isKeyOf(GC_REF_CONTENT, key) && isDigest(value) ? [value] : [],
    );
  } catch (error) {
    // Told of by itself, as a record that cannot be read.
    if (error instanceof SyntaxError) return [];
    throw error;
  }
}
