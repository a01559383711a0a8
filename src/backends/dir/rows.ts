import type { BlobInfo, Labels } from '../../content/store.js';
import type { LeaseResource } from '../../images/collection.js';
import type { ImageRecord, LeaseInfo } from '../../images/store.js';
import { parseDigest } from '../../oci/digest.js';
import type { Row, Value } from './database/library.js';

/** The columns {@link blobInfoOf} needs, of `content` as c and `blobs` as b. */
export const BLOB_COLUMNS = 'c.digest, b.size, c.labels, c.created, c.updated';

export function blobInfoOf(row: Row): BlobInfo {
  return {
    digest: parseDigest(text(row['digest'])),
    size: Number(row['size']),
    labels: mapOf(row['labels']),
    createdAt: dateOf(row['created']),
    updatedAt: dateOf(row['updated']),
  };
}

export function imageOf(row: Row): ImageRecord {
  const annotations = mapOf(row['annotations']);
  return {
    name: text(row['name']),
    target: {
      mediaType: text(row['mediatype']),
      digest: parseDigest(text(row['digest'])),
      size: Number(row['size']),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
    },
    labels: mapOf(row['labels']),
    createdAt: dateOf(row['created']),
    updatedAt: dateOf(row['updated']),
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
