import type { Labels } from '../../content/store.js';
import type { Holdings, LeaseResource } from '../../images/collection.js';
import { GC_PREFIX } from '../../images/gc-labels.js';
import type { Digest } from '../../oci/digest.js';
import type { Queries } from './database/connection.js';
import type { Row } from './database/library.js';
import type { IngestState } from './stored-ingests.js';
import { text } from './rows.js';

/**
 * The labels that are about collection: ten thousand images may have a million others. Most rows have none, which the
 * search in the text finds out faster than the walk through the object.
 */
const LABELS = `CASE WHEN instr(labels, '${GC_PREFIX}') > 0 THEN (
  SELECT json_group_object(key, value) FROM json_each(labels) WHERE substr(key, 1, ${GC_PREFIX.length}) = '${GC_PREFIX}'
) END`;

/**
 * One statement, so that it is all of one moment also outside a transaction; and one row a table, because a hundred
 * thousand small rows take the library ten times as long as one long text.
 */
const TABLES = `
  SELECT 'images' AS name,
    json_group_array(json_array(namespace, name, digest, json(${LABELS}))) AS rows FROM images
  UNION ALL SELECT 'content',
    json_group_array(json_array(c.namespace, c.digest, b.size, json(${LABELS})))
    FROM content c LEFT JOIN blobs b ON b.digest = c.digest
  UNION ALL SELECT 'leases',
    json_group_array(json_array(namespace, id, holder, lasting, expires, json(labels))) FROM leases
  UNION ALL SELECT 'resources',
    json_group_array(json_array(namespace, lease, type, id)) FROM lease_resources`;

/** The tables as they come. Digests are those that were proven when they were recorded. */
interface Tables {
  readonly images: [namespace: string, name: string, target: Digest, labels: Labels | null][];
  readonly content: [namespace: string, digest: Digest, size: number | null, labels: Labels | null][];
  readonly leases: [
    namespace: string,
    id: string,
    holder: string | null,
    lasting: number,
    expires: number | null,
    labels: Labels,
  ][];
  readonly resources: [namespace: string, lease: string, type: LeaseResource['type'], id: string][];
}

const NO_LABELS: Labels = {};

function tablesOf(rows: readonly Row[]): Tables {
  const texts = new Map(rows.map(({ name, rows }) => [text(name), text(rows)]));
  const table = <Name extends keyof Tables>(name: Name) => JSON.parse(text(texts.get(name))) as Tables[Name];
  return {
    images: table('images'),
    content: table('content'),
    leases: table('leases'),
    resources: table('resources'),
  };
}

/** What there is: records as they are in the database, and the ingests that were found on the disk before. */
export function holdingsIn(
  queries: Queries,
  ingests: readonly IngestState[],
  isAlive: (holder: string) => boolean,
): Holdings {
  const tables = tablesOf(queries.all(TABLES));
  const resources = new Map<string, LeaseResource[]>();
  for (const [namespace, lease, type, id] of tables.resources) {
    const key = `${namespace} ${lease}`;
    const others = resources.get(key);
    if (others === undefined) resources.set(key, [{ type, id }]);
    else others.push({ type, id });
  }
  return {
    images: tables.images.map(([namespace, name, target, labels]) => {
      return { namespace, name, target, labels: labels ?? NO_LABELS };
    }),
    content: tables.content.map(([namespace, digest, size, labels]) => {
      return { namespace, digest, size: size ?? 0, labels: labels ?? NO_LABELS };
    }),
    leases: tables.leases.map(([namespace, id, holder, lasting, expires, labels]) => ({
      namespace,
      id,
      labels,
      expiresAt: expires === null ? undefined : new Date(expires),
      orphan: lasting === 0 && (holder === null || !isAlive(holder)),
      resources: resources.get(`${namespace} ${id}`) ?? [],
    })),
    ingests: ingests.map(({ namespace, ref, expected, active, orphan, expiresAt }) => {
      return { namespace, ref, expected, active, orphan, expiresAt };
    }),
  };
}
