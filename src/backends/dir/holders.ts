import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errnoOf, fromSystemError, isStowageError, StowageError } from '../../errors.js';
import type { SharedConnection, Transaction, TransactionOptions } from './database/connection.js';
import { isBusy } from './database/errors.js';
import type { Database, Library } from './database/library.js';
import type { Files } from './files.js';
import type { Paths } from './paths.js';
import { settled } from './settled.js';

/** How long what a dead process left behind is kept for whoever continues its work, in milliseconds. */
export const ORPHAN_TTL = 24 * 60 * 60 * 1000;

/** Of the files of holders, behind their identifiers. */
export const HOLDER_SUFFIX = '.db';

/** Whether a text can be the identifier of a holder. */
export function isHolderId(text: string): boolean {
  return /^[0-9a-f-]{36}$/.test(text);
}

/**
 * Who is alive. A process that writes holds an exclusive transaction on a database file of its own for as long as it
 * lives; the kernel ends that with the process, however it dies, and no process number can be mistaken for another.
 * A holder is made when it is first needed, so that a command which only reads leaves no trace.
 */
export class Holders {
  readonly #library: Library;
  readonly #connection: SharedConnection;
  readonly #paths: Paths;
  readonly #files: Files;
  #own: { readonly id: string; readonly lock: Database } | undefined;
  #registering: Promise<string> | undefined;
  readonly #closing = new AbortController();

  constructor(library: Library, connection: SharedConnection, paths: Paths, files: Files) {
    this.#library = library;
    this.#connection = connection;
    this.#paths = paths;
    this.#files = files;
  }

  /** The identifier of this process, which counts as alive from here on until {@link close}. */
  async own(options: TransactionOptions = {}): Promise<string> {
    this.#registering ??= this.#register().catch((error: unknown) => {
      this.#registering = undefined;
      throw error;
    });
    return settled(this.#registering, options.signal);
  }

  /** Whether it is the identifier of this process. */
  isOwn(id: string): boolean {
    return id === this.#own?.id;
  }

  /** Whether the holder's process lives. False stays false: identifiers are never used twice. */
  isAlive(id: string): boolean {
    if (id === this.#own?.id) return true;
    const path = this.#paths.holder(id);
    if (this.#files.sync.stat(path) === undefined) return false;
    const url = pathToFileURL(path);
    url.search = 'mode=rw';
    let probe: Database | undefined;
    try {
      probe = this.#library.open(url);
      // Only to read: two who probe at the same time must not take each other for the holder.
      probe.exec('PRAGMA busy_timeout = 0; PRAGMA schema_version');
      return false;
    } catch (error) {
      if (isBusy(error)) return true;
      // It may have gone between the two looks at it.
      if (this.#files.sync.stat(path) === undefined) return false;
      throw error;
    } finally {
      probe?.close();
    }
  }

  /**
   * Stops counting as alive. The row stays for the next holder to remove, with what was reserved and not forgotten: a
   * transaction for it alone would cost a sync, and fail on a full disk. A registration that still waits for the write
   * lock is given up: whoever asked for it may be gone, and others may keep the lock for long.
   */
  async close(): Promise<void> {
    this.#closing.abort(
      new StowageError(
        'INVALID',
        `Cannot register in ${JSON.stringify(this.#paths.holders)}: the store is closed`,
      ),
    );
    await this.#registering?.catch(() => {});
    const own = this.#own;
    if (own === undefined) return;
    this.#own = undefined;
    own.lock.close();
    try {
      await this.#files.unlink(this.#paths.holder(own.id));
    } catch (error) {
      // All work is done; should the file stay, it is like that of a dead process, for the next one to remove.
      if (errnoOf(error) === undefined) throw error;
    }
  }

  async #register(): Promise<string> {
    // Registered already, by a call that failed afterwards.
    if (this.#own !== undefined) return this.#own.id;
    const id = randomUUID();
    let lock: Database | undefined;
    let dead: readonly string[];
    try {
      // In one step with the lock on the metadata: whoever sees the file or the row also sees that it is held.
      dead = await this.#connection.transaction((transaction) => {
        lock = this.#library.open(this.#paths.holder(id));
        lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
        transaction.run('INSERT INTO holders (id, started) VALUES (?, ?)', id, Date.now());
        return this.reap(transaction, id);
      }, this.#closing);
    } catch (error) {
      lock?.close();
      await this.#files.unlink(this.#paths.holder(id));
      throw fromSystemError(error, `Cannot register in ${JSON.stringify(this.#paths.holders)}`);
    }
    if (lock !== undefined) this.#own = { id, lock };
    await this.removeTemporaryFiles(dead);
    return id;
  }

  /**
   * Does for what the dead left what {@link own} does, for those who may come to write nothing. Where nobody works or
   * died, it lists one folder; where there is no space to write it down, it is left to the next one.
   */
  async clearDead(options: TransactionOptions = {}): Promise<void> {
    const ids = (await this.#files.list(this.#paths.holders)).map((name) =>
      name.slice(0, -HOLDER_SUFFIX.length),
    );
    if (ids.every((id) => !isHolderId(id) || this.isAlive(id))) return;
    try {
      const left = await this.#connection.transaction((transaction) => this.reap(transaction), options);
      await this.removeTemporaryFiles(left);
    } catch (error) {
      if (!isStowageError(error, 'NO_SPACE')) throw error;
    }
  }

  /**
   * Turns what the dead hold into orphans; answers the files they left outside the store, which are to be given to
   * {@link removeTemporaryFiles} after the commit.
   */
  reap(transaction: Transaction, self = this.#own?.id): readonly string[] {
    const rows = transaction.all('SELECT id FROM holders').map(({ id }) => String(id));
    const known = new Set(rows);
    const strays = this.#files.sync
      .list(this.#paths.holders)
      .filter((name) => name.endsWith(HOLDER_SUFFIX))
      .map((name) => name.slice(0, -HOLDER_SUFFIX.length))
      .filter((id) => !known.has(id));
    const dead = [...rows, ...strays].filter((id) => id !== self && !this.isAlive(id));
    const expiry = Date.now() + ORPHAN_TTL;
    const left: string[] = [];
    for (const id of dead) {
      transaction.run(
        'UPDATE leases SET holder = NULL, expires = CASE WHEN expires < ? THEN expires ELSE ? END WHERE holder = ?',
        expiry,
        expiry,
        id,
      );
      const paths = transaction.all('SELECT path FROM temporary_files WHERE holder = ?', id);
      left.push(...paths.map(({ path }) => String(path)));
      if (paths.length === 0) transaction.run('DELETE FROM holders WHERE id = ?', id);
      this.#files.sync.unlink(join(this.#paths.holders, id + HOLDER_SUFFIX));
    }
    return left;
  }

  /** Outside the transaction, since the files may lie on a slow disk. Several processes may do the same at once. */
  async removeTemporaryFiles(paths: readonly string[]): Promise<void> {
    const removed: string[] = [];
    for (const path of paths) {
      try {
        await this.#files.unlink(path);
        removed.push(path);
      } catch (error) {
        // Somebody else's folder by now, or a disk that is away: it stays on record for the next one to try.
        if (errnoOf(error) === undefined) throw error;
      }
    }
    if (removed.length === 0) return;
    await this.#connection.transaction((transaction) => {
      for (const path of removed) transaction.run('DELETE FROM temporary_files WHERE path = ?', path);
    });
  }
}
