import { children, gcLabelsFor } from '../../../oci/children.js';
import type { Descriptor } from '../../../oci/descriptor.js';
import type { Digest } from '../../../oci/digest.js';
import { guessMediaType } from '../../../oci/guess-media-type.js';
import { MANIFEST_LIMIT } from '../../../oci/json.js';
import { parseDocument, type ImageDocument } from '../../../oci/manifest.js';
import { kindOf } from '../../../oci/media-type.js';
import { isStowageError } from '../../../errors.js';
import type { Queries, Transaction } from '../database/connection.js';
import { touchNamespace } from '../view.js';
import { keptBy } from './check-images.js';
import type { Check } from './check.js';

/** Something that needs content which is on no record of its namespace. */
export interface Need {
  readonly namespace: string;
  readonly digest: Digest;
  /** Undefined where only a label tells of it: then what the content looks like decides. */
  readonly mediaType?: string;
}

/** Content that a namespace is to hold, with the labels by which it keeps others. */
export interface Adopted {
  readonly namespace: string;
  readonly digest: Digest;
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * What of the needed content, and of all below it, is there in sound files and on no record of its namespace. Documents
 * are read from the files; sizes come from what was hashed and from the records.
 */
export async function findAdoptable(check: Check, needs: readonly Need[]): Promise<readonly Adopted[]> {
  const adopted = new Map<string, Adopted>();
  const waiting = [...needs];
  for (let need = waiting.pop(); need !== undefined; need = waiting.pop()) {
    const { namespace, digest } = need;
    const key = `${namespace}/${digest}`;
    if (adopted.has(key)) continue;
    const size = await sizeOf(check, need);
    if (size === undefined) continue;
    const document = await readDocument(check, need, size);
    const below = document === undefined ? [] : await presentChildren(check, document, namespace);
    adopted.set(key, { namespace, digest, size, labels: gcLabelsFor(below) });
    for (const child of below) {
      waiting.push({ namespace, digest: child.digest, mediaType: child.mediaType });
    }
  }
  return [...adopted.values()];
}

/** Of an index the manifests that are there; of a manifest everything, so that what is not there is missed. */
async function presentChildren(
  check: Check,
  document: ImageDocument,
  namespace: string,
): Promise<readonly Descriptor[]> {
  const all = children(document);
  if (document.kind !== 'index') return all;
  const present: Descriptor[] = [];
  for (const child of all) {
    const held = await check.read((queries) => isHeld(queries, namespace, child.digest));
    if (held || (await sizeOf(check, { namespace, digest: child.digest })) !== undefined) present.push(child);
  }
  return present;
}

/** The size of content that can be adopted; undefined if the namespace holds it, or nobody has it. */
async function sizeOf(check: Check, { namespace, digest }: Need): Promise<number | undefined> {
  if (check.lost.has(digest)) return undefined;
  return check.read((queries) => {
    if (isHeld(queries, namespace, digest)) return undefined;
    const row = queries.get(`SELECT size FROM blobs WHERE digest = ? AND state = 'live'`, digest);
    return row === undefined ? check.strays.get(digest) : Number(row['size']);
  });
}

function isHeld(queries: Queries, namespace: string, digest: Digest): boolean {
  return (
    queries.get('SELECT 1 FROM content WHERE namespace = ? AND digest = ?', namespace, digest) !== undefined
  );
}

/** The manifest or index that a file is; undefined for anything else. */
async function readDocument(
  { place: { files, paths } }: Check,
  { digest, mediaType }: Need,
  size: number,
): Promise<ImageDocument | undefined> {
  const kind = mediaType === undefined ? undefined : kindOf(mediaType);
  const maybe = kind === undefined || kind === 'manifest' || kind === 'index';
  if (!maybe || size > MANIFEST_LIMIT) return undefined;
  const raw = Buffer.from((await files.readText(paths.blob(digest))) ?? '');
  const type = mediaType ?? guessMediaType(raw);
  if (type === undefined) return undefined;
  try {
    return parseDocument(raw, type, `blob ${JSON.stringify(digest)}`);
  } catch (error) {
    // It keeps its record; whoever reads it as a manifest is told what is wrong with it.
    if (isStowageError(error)) return undefined;
    throw error;
  }
}

/** Records content whose file is still there; answers whether it is. */
export function adopt(
  check: Check,
  transaction: Transaction,
  { namespace, digest, size, labels }: Adopted,
): boolean {
  const { files, paths } = check.place;
  if (files.sync.lstat(paths.blob(digest))?.size !== size) return false;
  const now = Date.now();
  touchNamespace({ namespace }, transaction);
  transaction.run(
    `INSERT INTO blobs (digest, size, created) VALUES (?, ?, ?) ON CONFLICT (digest) DO UPDATE SET state = 'live'`,
    digest,
    size,
    now,
  );
  transaction.run(
    'INSERT OR IGNORE INTO content (namespace, digest, labels, created, updated) VALUES (?, ?, ?, ?, ?)',
    namespace,
    digest,
    JSON.stringify(labels),
    now,
    now,
  );
  return true;
}

/** What records of images and labels of content need and their namespace does not hold. */
export async function needsOfRecords(check: Check): Promise<readonly Need[]> {
  const images = await check.read((queries) =>
    queries.all(`SELECT namespace, digest, mediatype FROM images i WHERE NOT EXISTS
      (SELECT 1 FROM content c WHERE c.namespace = i.namespace AND c.digest = i.digest)`),
  );
  const labelled = await check.read((queries) =>
    queries.all(`SELECT namespace, labels FROM content WHERE labels LIKE '%gc.ref.content%'`),
  );
  const wanted = (digest: Digest) => check.strays.has(digest);
  return [
    ...images.map(({ namespace, digest, mediatype }) => ({
      namespace: String(namespace),
      digest: String(digest) as Digest,
      mediaType: String(mediatype),
    })),
    ...labelled.flatMap(({ namespace, labels }) =>
      keptBy(labels)
        .filter(wanted)
        .map((digest) => ({ namespace: String(namespace), digest })),
    ),
  ];
}
