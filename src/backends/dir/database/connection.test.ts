import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { failureOf, rejectsWith } from '../../../testing/content.js';
import { Connection } from './connection.js';
import { loadLibrary, type Database } from './library.js';
import { openForWriting } from './open.js';
import { SCHEMA_VERSION } from './schema.js';

const ADD = 'INSERT INTO meta (key, value) VALUES (?, ?)';

let folder: string;
let path: string;
let connection: Connection;
/** A connection that knows nothing of the other, as in another process. */
let stranger: Database;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-connection-'));
  path = join(folder, 'metadata.db');
  const library = await loadLibrary();
  connection = await openForWriting(library, path);
  stranger = library.open(path);
});
afterEach(async () => {
  await connection.close();
  stranger.close();
  await rm(folder, { recursive: true });
});

const keys = () => connection.read((queries) => queries.all('SELECT key FROM meta').map(({ key }) => key));

describe('a connection', () => {
  it('commits what waits at the same time together, in the order it was asked for', async () => {
    const steps: string[] = [];
    const add = (key: string) =>
      connection.transaction((transaction) => {
        transaction.run(ADD, key, 1);
        transaction.beforeCommit('step', () => steps.push(key));
        return key;
      });
    assert.deepEqual(await Promise.all([add('a'), add('b'), add('c')]), ['a', 'b', 'c']);
    assert.deepEqual(steps, ['c'], 'the step they share ran other than once');
    assert.deepEqual(await keys(), ['a', 'b', 'c']);
  });

  it('undoes work that fails without harm to its neighbours', async () => {
    const reason = new Error('no');
    const results = await Promise.allSettled([
      connection.transaction((transaction) => transaction.run(ADD, 'a', 1)),
      connection.transaction((transaction) => {
        transaction.run(ADD, 'b', 1);
        throw reason;
      }),
      connection.transaction((transaction) => transaction.run(ADD, 'c', 1)),
    ]);
    assert.deepEqual(
      results.map(({ status }) => status),
      ['fulfilled', 'rejected', 'fulfilled'],
    );
    assert.equal((results[1] as PromiseRejectedResult).reason, reason);
    assert.deepEqual(await keys(), ['a', 'c']);
  });

  it('commits nothing of a group when a step before the commit fails', async () => {
    const reason = new Error('the disk');
    const first = connection.transaction((transaction) => transaction.run(ADD, 'a', 1));
    const second = connection.transaction((transaction) =>
      transaction.beforeCommit('step', () => {
        throw reason;
      }),
    );
    assert.deepEqual(await Promise.all([failureOf(first), failureOf(second)]), [reason, reason]);
    assert.deepEqual(await keys(), []);
    await connection.transaction((transaction) => transaction.run(ADD, 'b', 1));
    assert.deepEqual(await keys(), ['b']);
  });

  it('waits for the lock without stopping the event loop', async () => {
    stranger.exec('BEGIN IMMEDIATE');
    const waiting = connection.transaction((transaction) => transaction.run(ADD, 'a', 1));
    let turns = 0;
    while (turns < 20) {
      await new Promise((resolve) => setImmediate(resolve));
      turns += 1;
    }
    assert.deepEqual(await keys(), []);
    stranger.exec('COMMIT');
    await waiting;
    assert.deepEqual(await keys(), ['a']);
  });

  it('gives up waiting when it is aborted, with the reason', async () => {
    stranger.exec('BEGIN IMMEDIATE');
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = connection.transaction((transaction) => transaction.run(ADD, 'a', 1), { signal });
    const patient = connection.transaction((transaction) => transaction.run(ADD, 'b', 1));
    const reason = new Error('stop');
    setTimeout(() => controller.abort(reason), 20);
    assert.equal(await failureOf(aborted), reason);
    stranger.exec('COMMIT');
    await patient;
    assert.deepEqual(await keys(), ['b']);
  });

  it('says that the store is busy when the lock does not come', async () => {
    const hasty = new Connection((await loadLibrary()).open(path), path, 30);
    stranger.exec('BEGIN IMMEDIATE');
    const error = await rejectsWith(
      'BUSY',
      hasty.transaction((transaction) => transaction.run(ADD, 'a', 1)),
    );
    assert.match(error.message, /metadata\.db": other processes kept it locked/);
    stranger.exec('COMMIT');
    await hasty.close();
  });

  it('finishes what was asked for before it closes, and refuses what comes after', async () => {
    const last = connection.transaction((transaction) => transaction.run(ADD, 'a', 1));
    await connection.close();
    assert.equal(await last, 1);
    await rejectsWith('INVALID', keys());
    await rejectsWith(
      'INVALID',
      connection.transaction(() => 1),
    );
  });

  it('refuses text that would come back as other text', async () => {
    for (const text of ['a\0b', 'a\ud800']) {
      await rejectsWith(
        'INVALID',
        connection.transaction((transaction) => transaction.run(ADD, text, 1)),
      );
    }
    assert.deepEqual(await keys(), []);
  });

  it('refuses a database that is newer than this program', async () => {
    stranger.exec(`PRAGMA user_version = ${SCHEMA_VERSION + 1}`);
    const error = await rejectsWith('UNSUPPORTED', openForWriting(await loadLibrary(), path));
    assert.match(
      error.message,
      new RegExp(`version ${SCHEMA_VERSION + 1}, this program knows ${SCHEMA_VERSION}`),
    );
  });
});
