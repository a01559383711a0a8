import type { Holdings, LeaseResource } from '../../images/collection.js';
import { GC_PREFIX } from '../../images/gc-labels.js';
import { parseDigest } from '../../oci/digest.js';
import type { Queries } from './database/connection.js';
import type { Row } from './database/library.js';
import type { IngestState } from './ingests.js';
import { mapOf, text } from './rows.js';

/** Labels are parsed only where one of them is about collection: ten thousand images may have a million others. */
const LABELS = `CASE WHEN instr(labels, '${GC_PREFIX}') > 0 THEN labels END`;

/** One statement, so that it is all of one moment also outside a transaction. */
const ROWS = `
  SELECT 'image' AS kind, namespace, name AS id, digest AS other, ${LABELS} AS labels, NULL AS number FROM images
  UNION ALL SELECT 'content', c.namespace, c.digest, NULL, ${LABELS}, b.size
    FROM content c LEFT JOIN blobs b ON b.digest = c.digest
  UNION ALL SELECT CASE lasting WHEN 0 THEN 'lease' ELSE 'lasting' END, namespace, id, holder, labels, expires
    FROM leases
  UNION ALL SELECT 'held ' || type, namespace, lease, id, NULL, NULL FROM lease_resources`;

/** What there is: records as they are in the database, and the ingests that were found on the disk before. */
export function holdingsIn(
  queries: Queries,
  ingests: readonly IngestState[],
  isAlive: (holder: string) => boolean,
): Holdings {
  const rows = new Map<string, Row[]>();
  for (const row of queries.all(ROWS)) {
    const kind = text(row['kind']);
    const others = rows.get(kind);
    if (others === undefined) rows.set(kind, [row]);
    else others.push(row);
  }
  const rowsOf = (kind: string) => rows.get(kind) ?? [];
  const resources = resourcesByLease(rowsOf);
  const leases = [...rowsOf('lease'), ...rowsOf('lasting')].map((row) => ({
    namespace: text(row['namespace']),
    id: text(row['id']),
    labels: mapOf(row['labels']),
    expiresAt: row['number'] === null ? undefined : new Date(Number(row['number'])),
    orphan: row['kind'] === 'lease' && (row['other'] === null || !isAlive(text(row['other']))),
    resources: resources.get(leaseKey(row['namespace'], row['id'])) ?? [],
  }));
  return {
    images: rowsOf('image').map((row) => ({
      namespace: text(row['namespace']),
      name: text(row['id']),
      target: parseDigest(text(row['other'])),
      labels: labelsOf(row),
    })),
    content: rowsOf('content').map((row) => ({
      namespace: text(row['namespace']),
      digest: parseDigest(text(row['id'])),
      size: Number(row['number']),
      labels: labelsOf(row),
    })),
    leases,
    ingests: ingests.map(({ namespace, ref, expected, active, orphan, expiresAt }) => {
      return { namespace, ref, expected, active, orphan, expiresAt };
    }),
  };
}

function resourcesByLease(rowsOf: (kind: string) => readonly Row[]): ReadonlyMap<string, LeaseResource[]> {
  const resources = new Map<string, LeaseResource[]>();
  for (const type of ['content', 'images', 'ingests'] as const) {
    for (const row of rowsOf(`held ${type}`)) {
      const key = leaseKey(row['namespace'], row['id']);
      const others = resources.get(key) ?? [];
      others.push({ type, id: text(row['other']) });
      resources.set(key, others);
    }
  }
  return resources;
}

function leaseKey(namespace: Row[string] | undefined, id: Row[string] | undefined): string {
  return `${text(namespace)} ${text(id)}`;
}

const NONE = {};

function labelsOf(row: Row) {
  return row['labels'] === null ? NONE : mapOf(row['labels']);
}
