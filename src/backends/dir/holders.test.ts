import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import { loadLibrary } from './database/library.js';
import { nodeFiles } from './node-files.js';
import { openPlace } from './open-place.js';
import { Paths } from './paths.js';
import type { Place } from './place.js';

const dead = '01234567-89ab-cdef-0123-456789abcdef';

let paths: Paths;
let place: Place;

beforeEach(async () => {
  paths = new Paths(await mkdtemp(join(tmpdir(), 'stowage-holders-')));
  await mkdir(paths.holders);
  place = await openPlace(paths, nodeFiles, 'write');
});
afterEach(async () => {
  await place.close();
  await rm(paths.root, { recursive: true });
});

describe('a holder', () => {
  it('is alive until its process closes it, and for others who look', async () => {
    const other = await openPlace(paths, nodeFiles, 'write');
    const id = await other.holders.own();
    assert.equal(place.holders.isAlive(id), true);
    await other.close();
    assert.equal(place.holders.isAlive(id), false);
  });

  it('that is dead is not taken for alive because somebody else looks at it just then', async () => {
    await writeFile(paths.holder(dead), '');
    const looking = (await loadLibrary()).open(paths.holder(dead));
    looking.exec('BEGIN; SELECT count(*) FROM sqlite_schema');
    try {
      assert.equal(place.holders.isAlive(dead), false);
    } finally {
      looking.close();
    }
  });

  it('that waits for the lock to register does not keep its store from closing', async () => {
    const blocking = (await loadLibrary()).open(paths.database);
    blocking.exec('BEGIN IMMEDIATE');
    try {
      const other = await openPlace(paths, nodeFiles, 'write');
      const stop = new AbortController();
      const waiting = other.holders.own({ signal: stop.signal });
      stop.abort(new Error('stopped'));
      await assert.rejects(waiting, /^Error: stopped$/);
      const patient = other.holders.own();
      const closed = other.close();
      await assert.rejects(patient, { code: 'INVALID', message: /the store is closed$/ });
      await closed;
    } finally {
      blocking.close();
    }
  });
});
