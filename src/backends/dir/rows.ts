import type { BlobInfo, Labels } from '../../content/store.js';
import type { LeaseResource } from '../../images/collection.js';
import type { ImageRecord, LeaseInfo } from '../../images/store.js';
import { parseDigest, type Digest } from '../../oci/digest.js';
import type { Row, Value } from './database/library.js';

/** The columns {@link blobInfoOf} needs, of `content` as c and `blobs` as b. */
export const BLOB_COLUMNS = 'c.digest, b.size, c.labels, c.created, c.updated';

/** What a namespace knows of one blob. */
export const BLOB = `SELECT ${BLOB_COLUMNS} FROM content c JOIN blobs b USING (digest) WHERE c.namespace = ? AND c.digest = ?`;

export function blobInfoOf(row: Row): BlobInfo {
  return {
    digest: parseDigest(text(row['digest'])),
    size: Number(row['size']),
    labels: mapOf(row['labels']),
    createdAt: dateOf(row['created']),
    updatedAt: dateOf(row['updated']),
  };
}

/**
 * The one column {@link namedOf} needs, of `images`: a record as JSON text, but for its labels, which can be nearly all of
 * it. As columns of their own, its values take the library several times as long to hand out.
 */
export const NAMED = `'[' || json_quote(name) || ',' || json_quote(mediatype) || ',"' || digest || '",' || size || ','
  || annotations || ',' || created || ',' || updated || ']' AS image`;

/** The columns {@link imageOf} needs. */
export const IMAGE = `${NAMED}, labels`;

/** Digests are those that were proven when they were recorded. */
type ImageValues = [
  name: string,
  mediaType: string,
  digest: Digest,
  size: number,
  annotations: Labels,
  created: number,
  updated: number,
];

export function imageOf(row: Row): ImageRecord {
  const { name, target, createdAt, updatedAt } = namedOf(row);
  return { name, target, labels: mapOf(row['labels']), createdAt, updatedAt };
}

export function namedOf({ image }: Row): Omit<ImageRecord, 'labels'> {
  const [name, mediaType, digest, size, annotations, created, updated] = JSON.parse(
    text(image),
  ) as ImageValues;
  const target = { mediaType, digest, size };
  return {
    name,
    target: Object.keys(annotations).length === 0 ? target : { ...target, annotations },
    createdAt: new Date(created),
    updatedAt: new Date(updated),
  };
}

export function leaseOf(row: Row): LeaseInfo {
  return {
    id: text(row['id']),
    labels: mapOf(row['labels']),
    createdAt: dateOf(row['created']),
    expiresAt: row['expires'] === null ? undefined : dateOf(row['expires']),
  };
}

export function resourceOf(row: Row): LeaseResource {
  return { type: text(row['type']) as LeaseResource['type'], id: text(row['id']) };
}

/** Written by this backend itself, so it needs no door. */
export function mapOf(value: Value | undefined): Labels {
  return JSON.parse(text(value)) as Labels;
}

export function text(value: Value | undefined): string {
  if (typeof value !== 'string') throw new TypeError(`expected text in the metadata, found ${typeof value}`);
  return value;
}

function dateOf(value: Value | undefined): Date {
  return new Date(Number(value));
}
