import { StowageError } from '../../../errors.js';
import type { Database } from './library.js';

/**
 * Every version of the schema, oldest first; `user_version` counts how many have been applied. A step is never
 * changed once it has been released: what is to be different is a further step.
 *
 * Times are milliseconds since 1970, labels and annotations JSON objects. Text sorts bytewise (BINARY on UTF-8).
 */
export const STEPS: readonly string[] = [
  `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

  CREATE TABLE namespaces (
    name TEXT PRIMARY KEY, labels TEXT NOT NULL DEFAULT '{}', created INTEGER NOT NULL
  ) WITHOUT ROWID;

  -- What is on the disk, whoever holds it. A row that is 'dying' is about to lose its file: whoever wants it alive
  -- again looks, in the same transaction, whether the file is still there.
  CREATE TABLE blobs (
    digest TEXT PRIMARY KEY, size INTEGER NOT NULL, created INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'live' CHECK (state IN ('live', 'dying'))
  ) WITHOUT ROWID;

  -- What a namespace holds of it.
  CREATE TABLE content (
    namespace TEXT NOT NULL, digest TEXT NOT NULL, labels TEXT NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL, PRIMARY KEY (namespace, digest)
  ) WITHOUT ROWID;
  CREATE INDEX content_by_digest ON content (digest);

  CREATE TABLE images (
    namespace TEXT NOT NULL, name TEXT NOT NULL, mediatype TEXT NOT NULL, digest TEXT NOT NULL,
    size INTEGER NOT NULL, annotations TEXT NOT NULL, labels TEXT NOT NULL,
    created INTEGER NOT NULL, updated INTEGER NOT NULL, PRIMARY KEY (namespace, name)
  ) WITHOUT ROWID;

  -- A lease without expiry has NULL there; one whose holder died has no holder any more.
  CREATE TABLE leases (
    namespace TEXT NOT NULL, id TEXT NOT NULL, holder TEXT, created INTEGER NOT NULL, expires INTEGER,
    labels TEXT NOT NULL, PRIMARY KEY (namespace, id)
  ) WITHOUT ROWID;
  CREATE TABLE lease_resources (
    namespace TEXT NOT NULL, lease TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (namespace, lease, digest)
  ) WITHOUT ROWID;
  CREATE INDEX lease_resources_by_digest ON lease_resources (digest);

  CREATE TABLE holders (id TEXT PRIMARY KEY, started INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE temporary_files (path TEXT PRIMARY KEY, holder TEXT NOT NULL) WITHOUT ROWID;
  CREATE INDEX temporary_files_by_holder ON temporary_files (holder);
  `,
  `
  -- A lease keeps more than content: 'ingests' by reference, 'images' by name.
  ALTER TABLE lease_resources RENAME TO lease_digests;
  DROP INDEX lease_resources_by_digest;
  CREATE TABLE lease_resources (
    namespace TEXT NOT NULL, lease TEXT NOT NULL,
    type TEXT NOT NULL CHECK (type IN ('content', 'ingests', 'images')), id TEXT NOT NULL,
    PRIMARY KEY (namespace, lease, type, id)
  ) WITHOUT ROWID;
  INSERT INTO lease_resources (namespace, lease, type, id)
    SELECT namespace, lease, 'content', digest FROM lease_digests;
  DROP TABLE lease_digests;
  CREATE INDEX lease_resources_by_id ON lease_resources (type, id);

  -- A lease that lasts belongs to nobody, and yet is no orphan.
  ALTER TABLE leases ADD COLUMN lasting INTEGER NOT NULL DEFAULT 0;

  -- What a sweep has left to do.
  CREATE INDEX dying_blobs ON blobs (digest) WHERE state = 'dying';
  `,
  `
  -- What documents say that lists need, so that they need not be read: a cache, and a row that is not there costs time.
  CREATE TABLE outlines (digest TEXT PRIMARY KEY, outline TEXT NOT NULL);
  CREATE TRIGGER outlines_go_with_blobs AFTER DELETE ON blobs
    BEGIN DELETE FROM outlines WHERE digest = old.digest; END;
  `,
];

/** The version of the schema this code reads and writes. */
export const SCHEMA_VERSION = STEPS.length;

/** The version of the schema of an open database; 0 is an empty one. */
export function schemaVersion(database: Database): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

/**
 * Brings the schema up to date, in a transaction the caller has begun.
 *
 * @throws {StowageError} UNSUPPORTED if the database is newer than this code; CORRUPT if it has no possible version.
 */
export function migrate(database: Database, path: string): void {
  for (let version = checkVersion(database, path); version < SCHEMA_VERSION; version++) {
    database.exec(STEPS[version] ?? '');
  }
  database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
}

/** The version of the schema, which is not newer than this code. */
export function checkVersion(database: Database, path: string): number {
  const version = schemaVersion(database);
  if (version < 0) {
    throw new StowageError('CORRUPT', `Cannot open ${JSON.stringify(path)}: the database is damaged`, {
      detail: { path, version },
    });
  }
  if (version <= SCHEMA_VERSION) return version;
  throw new StowageError(
    'UNSUPPORTED',
    `Cannot open ${JSON.stringify(path)}: its schema has version ${version}, this program knows ${SCHEMA_VERSION} and older`,
    {
      detail: { path, version, known: SCHEMA_VERSION },
      hint: 'use the version of stowage that wrote it, or a newer one',
    },
  );
}
