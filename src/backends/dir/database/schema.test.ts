import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesOf, collect, listOf, rejectsWith, targetOf } from '../../../testing/content.js';
import { childLibrary, runChild, succeeds } from '../../../../test/support/children.js';
import { openStore } from '../open-store.js';
import { loadLibrary, type Database } from './library.js';
import { migrate, SCHEMA_VERSION, STEPS } from './schema.js';
import { folderForEach } from '../../../../test/support/temporary.js';

let root: string;
folderForEach((made) => (root = made));

const bytes = bytesOf(1, 5000);
const { digest } = targetOf(bytes);

/**
 * Who works on the file with bare SQLite waits for its locks, as a store does: when a connection goes that was the last
 * one, it removes the log with everybody locked out, and those of this process go whenever garbage is collected.
 */
const WAIT = 'PRAGMA busy_timeout = 30000';

async function withDatabase<T>(use: (database: Database) => T): Promise<T> {
  const database = (await loadLibrary()).open(join(root, 'metadata.db'));
  try {
    database.exec(WAIT);
    return use(database);
  } finally {
    database.close();
  }
}

/** A root as the first version left it: an image, its blob, two leases that hold the blob, one of them expired. */
async function makeFirstVersion(): Promise<void> {
  await mkdir(join(root, 'blobs', 'sha256'), { recursive: true });
  await writeFile(join(root, 'blobs', 'sha256', digest.slice(7)), bytes);
  const now = Date.now();
  await withDatabase((database) => {
    database.exec('PRAGMA journal_mode = WAL');
    database.exec(STEPS[0] ?? '');
    database.exec('PRAGMA user_version = 1');
    const run = (sql: string, ...values: (string | number | null)[]) => database.prepare(sql).run(...values);
    run('INSERT INTO namespaces (name, created) VALUES (?, ?)', 'default', now);
    run('INSERT INTO blobs (digest, size, created) VALUES (?, ?, ?)', digest, bytes.byteLength, now);
    run('INSERT INTO content VALUES (?, ?, ?, ?, ?)', 'default', digest, '{"a":"1"}', now, now);
    run(
      'INSERT INTO images VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      ...['default', 'old', 'a/b', digest, bytes.byteLength, '{}', '{"b":"2"}', now, now],
    );
    run('INSERT INTO leases VALUES (?, ?, ?, ?, ?, ?)', 'default', 'kept', null, now, null, '{}');
    run('INSERT INTO leases VALUES (?, ?, ?, ?, ?, ?)', 'default', 'late', null, 1, 2, '{}');
    for (const lease of ['kept', 'late']) {
      run('INSERT INTO lease_resources VALUES (?, ?, ?)', 'default', lease, digest);
    }
  });
}

async function expectMigrated(): Promise<void> {
  const store = await openStore({ root });
  expect(await store.images.get('old')).toMatchObject({ target: { digest }, labels: { b: '2' } });
  expect((await store.content.info(digest))?.labels).toEqual({ a: '1' });
  expect((await collect(store.content.read({ digest }))).equals(bytes)).toBe(true);
  expect((await listOf(store.leases.list())).map(({ id }) => id)).toEqual(['kept']);
  expect(await listOf(store.leases.resources('kept'))).toEqual([{ type: 'content', id: digest }]);
  await store.leases.addResource('kept', { type: 'images', id: 'old' });
  await store.close();
  expect(
    await withDatabase((database) => database.prepare('PRAGMA user_version').get()?.['user_version']),
  ).toBe(SCHEMA_VERSION);
}

describe('the schema', () => {
  it('has steps that do not change any more', () => {
    const hashes = STEPS.map((step) => createHash('sha256').update(step).digest('hex').slice(0, 12));
    expect(hashes.slice(0, 1)).toEqual(['eb3f755faa0e']);
  });

  it('is brought up to date by whoever opens the store to write, with everything that is in it', async () => {
    await makeFirstVersion();
    await expectMigrated();
  });

  it('is the same from whichever version it comes', async () => {
    const library = await loadLibrary();
    const schemas = [...STEPS, ''].map((_, version) => {
      const database = library.open(':memory:');
      for (const step of STEPS.slice(0, version)) database.exec(step);
      database.exec(`PRAGMA user_version = ${version}`);
      migrate(database, 'memory');
      const schema = database.prepare('SELECT type, name, sql FROM sqlite_schema ORDER BY name').all();
      database.close();
      return schema;
    });
    for (const schema of schemas) expect(schema).toEqual(schemas[0]);
  });

  it('is brought up to date once by several processes that open the store at the same time', async () => {
    await makeFirstVersion();
    const library = await childLibrary();
    const code = `const store = await openStore({ root });
      const image = await store.images.get('old');
      for await (const { id } of store.leases.resources('kept')) say(id === image.target.digest);
      await store.close();`;
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => succeeds(runChild(library, root, code))),
    );
    expect(answers).toEqual(Array(6).fill('true'));
    await expectMigrated();
  });

  it('stays as it was when the process that brings it up to date is killed on the way', async () => {
    await makeFirstVersion();
    // The transaction as it is made, and its end at every statement of it.
    const statements = (STEPS.slice(1).join(';') + `;PRAGMA user_version = ${SCHEMA_VERSION}`)
      // The body of a trigger ends with its own semicolon.
      .split(/;(?=\s*(?:--|(?!END\b)[A-Z]|$))/)
      .filter((text) => /[A-Z]/.test(text));
    expect(statements.length).toBeGreaterThan(6);
    for (let count = 0; count <= statements.length; count++) {
      const code = `
        const library = await import(${JSON.stringify((await childLibrary()).sqlite)});
        const database = new library.DatabaseSync(root + '/metadata.db');
        database.exec('${WAIT}');
        database.exec('BEGIN IMMEDIATE');
        for (const text of ${JSON.stringify(statements.slice(0, count))}) database.exec(text);
        process.kill(process.pid, 'SIGKILL');`;
      const child = runChild(await childLibrary(), root, code);
      expect(await child.ended).toMatchObject({ signal: 'SIGKILL', errors: '' });
    }
    const version = await withDatabase(
      (database) => database.prepare('PRAGMA user_version').get()?.['user_version'],
    );
    expect(version).toBe(1);
    await expectMigrated();
  });

  it('that is older is not read by those who may not change it, and the error says what to do', async () => {
    await makeFirstVersion();
    const error = await rejectsWith('UNSUPPORTED', openStore({ root, readOnly: true }));
    expect(error).toMatchObject({ detail: { version: 1, outdated: true } });
    expect(String((error as { hint?: string }).hint)).toMatch(/open the store once for writing/);
  });

  it('that is newer is refused, and left alone', async () => {
    await makeFirstVersion();
    await withDatabase((database) => database.exec('PRAGMA user_version = 999'));
    for (const readOnly of [true, false]) {
      const error = await rejectsWith('UNSUPPORTED', openStore({ root, readOnly }));
      expect(String(error)).toMatch(/has version 999, this program knows \d+ and older/);
    }
    expect(
      await withDatabase((database) => database.prepare('PRAGMA user_version').get()?.['user_version']),
    ).toBe(999);
  });
});
