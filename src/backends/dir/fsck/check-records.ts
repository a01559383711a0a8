import { isDigest, type Digest } from '../../../oci/digest.js';
import type { Queries, Transaction } from '../database/connection.js';
import type { Row } from '../database/library.js';
import type { Check, Draft } from './check.js';

/** One thing that must not be among the records. */
interface Rule {
  /** Rows that break it. */
  readonly query: string;
  /** The columns that tell two of these rows apart. */
  readonly keys: readonly string[];
  readonly draft: (row: Row) => Draft;
  readonly mend?: (check: Check, transaction: Transaction, row: Row) => string;
}

const READABLE_DIGEST = `(digest GLOB 'sha256:*' OR digest GLOB 'sha512:*')`;

const text = (row: Row, column: string) => String(row[column]);

const RULES: readonly Rule[] = [
  {
    query: `SELECT namespace, digest FROM content WHERE NOT json_valid(labels) OR NOT ${READABLE_DIGEST}`,
    keys: ['namespace', 'digest'],
    draft: (row) => ({
      code: 'record-invalid',
      where: `blob ${JSON.stringify(text(row, 'digest'))} of namespace ${JSON.stringify(text(row, 'namespace'))}`,
      message: 'its labels or its digest cannot be read',
      namespace: text(row, 'namespace'),
    }),
    mend: (_check, transaction, row) => {
      const keys = [text(row, 'namespace'), text(row, 'digest')];
      transaction.run('DELETE FROM content WHERE namespace = ? AND digest = ?', ...keys);
      return 'removed the record';
    },
  },
  {
    query: `SELECT digest FROM blobs WHERE NOT ${READABLE_DIGEST}`,
    keys: ['digest'],
    draft: (row) => ({
      code: 'record-invalid',
      where: `blob ${JSON.stringify(text(row, 'digest'))}`,
      message: 'its digest cannot be read',
    }),
    mend: (_check, transaction, row) => {
      transaction.run('DELETE FROM blobs WHERE digest = ?', text(row, 'digest'));
      return 'removed the record';
    },
  },
  {
    query: `SELECT namespace, name FROM images
      WHERE NOT json_valid(labels) OR NOT json_valid(annotations) OR NOT ${READABLE_DIGEST}`,
    keys: ['namespace', 'name'],
    draft: (row) => ({
      code: 'record-invalid',
      where: imageWhere(text(row, 'namespace'), text(row, 'name')),
      message: 'its labels, annotations or digest cannot be read',
      namespace: text(row, 'namespace'),
      name: text(row, 'name'),
      hint: 'remove the name, and import the image again',
    }),
  },
  {
    query: `SELECT namespace, digest FROM content c WHERE NOT EXISTS (SELECT 1 FROM blobs b WHERE b.digest = c.digest)`,
    keys: ['namespace', 'digest'],
    draft: (row) => ({
      code: 'blob-unrecorded',
      where: `blob ${JSON.stringify(text(row, 'digest'))} of namespace ${JSON.stringify(text(row, 'namespace'))}`,
      message: 'the namespace holds it, and no record of blobs knows it',
      namespace: text(row, 'namespace'),
      ...digestOf(row),
    }),
    mend: ({ strays }, transaction, row) => {
      const digest = text(row, 'digest') as Digest;
      const size = strays.get(digest);
      if (size === undefined) {
        transaction.run('DELETE FROM content WHERE digest = ?', digest);
        return 'took it off the record';
      }
      transaction.run(
        'INSERT OR IGNORE INTO blobs (digest, size, created) VALUES (?, ?, ?)',
        digest,
        size,
        Date.now(),
      );
      return 'recorded it again: its file is there, and right';
    },
  },
  {
    query: `SELECT digest, size FROM blobs b
      WHERE state = 'live' AND NOT EXISTS (SELECT 1 FROM content c WHERE c.digest = b.digest)`,
    keys: ['digest'],
    draft: (row) => ({
      code: 'blob-unheld',
      where: `blob ${JSON.stringify(text(row, 'digest'))}`,
      message: 'no namespace holds it',
      ...digestOf(row),
    }),
    mend: ({ strays, lost }, transaction, row) => {
      const digest = text(row, 'digest') as Digest;
      transaction.run('DELETE FROM blobs WHERE digest = ?', digest);
      if (!lost.has(digest)) strays.set(digest, Number(row['size']));
      return 'took it off the record';
    },
  },
  {
    query: `SELECT DISTINCT namespace, lease FROM lease_resources r WHERE NOT EXISTS
      (SELECT 1 FROM leases l WHERE l.namespace = r.namespace AND l.id = r.lease)`,
    keys: ['namespace', 'lease'],
    draft: (row) => ({
      code: 'lease-dangling',
      where: `lease ${JSON.stringify(text(row, 'lease'))} of namespace ${JSON.stringify(text(row, 'namespace'))}`,
      message: 'content is under it, and it does not exist',
      namespace: text(row, 'namespace'),
    }),
    mend: (_check, transaction, row) => {
      const keys = [text(row, 'namespace'), text(row, 'lease')];
      transaction.run('DELETE FROM lease_resources WHERE namespace = ? AND lease = ?', ...keys);
      return 'removed it';
    },
  },
];

/** Records against each other. */
export async function checkRecords(check: Check): Promise<void> {
  for (const rule of RULES) {
    for (const row of await check.read((queries) => queries.all(rule.query))) {
      const { mend } = rule;
      await check.settle(
        (queries) => (isStill(queries, rule, row) ? rule.draft(row) : undefined),
        mend && ((transaction) => mend(check, transaction, row)),
      );
    }
  }
}

function isStill(queries: Queries, { query, keys }: Rule, row: Row): boolean {
  const condition = keys.map((key) => `${key} = ?`).join(' AND ');
  const values = keys.map((key) => row[key] ?? null);
  return queries.get(`SELECT 1 FROM (${query}) WHERE ${condition}`, ...values) !== undefined;
}

function digestOf(row: Row): { digest?: Digest } {
  const digest = text(row, 'digest');
  return isDigest(digest) ? { digest } : {};
}

/** How findings name an image. */
export function imageWhere(namespace: string, name: string): string {
  return `image ${JSON.stringify(name)} of namespace ${JSON.stringify(namespace)}`;
}
