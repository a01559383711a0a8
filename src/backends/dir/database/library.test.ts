import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { rejectsWith } from '../../../testing/content.js';
import { chooseLibrary, isSafeVersion, loadLibrary } from './library.js';

/** A module that claims to be SQLite of that version. */
function sqlite(version: string) {
  class DatabaseSync {
    exec(): void {}
    prepare() {
      return { get: () => ({ version }), all: () => [], run: () => ({ changes: 0 }) };
    }
    close(): void {}
  }
  return { DatabaseSync };
}

const installed = async () => sqlite('3.53.0');
const notInstalled = async () => undefined;

describe('the choice of SQLite', () => {
  it('knows which versions have the repair of the WAL reset', () => {
    const safe = ['3.51.3', '3.51.10', '3.52.0', '3.53.4', '4.0.0', '3.50.7', '3.50.12', '3.44.6', '3.44.10'];
    const unsafe = [
      '3.51.2',
      '3.51.0',
      '3.50.6',
      '3.50.4',
      '3.49.9',
      '3.46.1',
      '3.45.0',
      '3.44.5',
      '3.43.9',
      '2.8.17',
      '',
    ];
    for (const version of safe) assert.equal(isSafeVersion(version), true, version);
    for (const version of unsafe) assert.equal(isSafeVersion(version), false, version);
  });

  it('takes the built-in one only where it is safe', async () => {
    assert.equal((await chooseLibrary(() => sqlite('3.51.3'), installed)).name, 'built-in');
    assert.equal((await chooseLibrary(() => sqlite('3.51.2'), installed)).name, '@photostructure/sqlite');
    assert.equal((await chooseLibrary(() => undefined, installed)).name, '@photostructure/sqlite');
  });

  it('says what is missing where there is no safe one', async () => {
    const none = await rejectsWith(
      'UNSUPPORTED',
      chooseLibrary(() => undefined, notInstalled),
    );
    assert.match(none.hint ?? '', /@photostructure\/sqlite/);
    const old = await rejectsWith(
      'UNSUPPORTED',
      chooseLibrary(() => sqlite('3.46.1'), notInstalled),
    );
    assert.match(old.message, /3\.46\.1/);
  });

  it('loads a safe one here, without a warning', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => void warnings.push(warning);
    process.on('warning', listen);
    const library = await loadLibrary();
    const database = library.open(':memory:');
    const row = database.prepare('SELECT sqlite_version() AS version').get();
    database.close();
    await new Promise((resolve) => setImmediate(resolve));
    process.off('warning', listen);
    assert.ok(isSafeVersion(String(row?.['version'])), JSON.stringify(row));
    assert.deepEqual(warnings, []);
  });
});
