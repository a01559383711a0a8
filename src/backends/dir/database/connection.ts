import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { StowageError } from '../../../errors.js';
import { fromSqliteError, isBusy } from './errors.js';
import type { Database, Row, Statement, Value } from './library.js';
import { Backoff, LOCK_PATIENCE } from './retry.js';

/** Statements, each run to its end: none stays open, so that none keeps the database from being tidied. */
export interface Queries {
  get(sql: string, ...values: Value[]): Row | undefined;
  all(sql: string, ...values: Value[]): Row[];
}

/** The inside of a transaction that holds the write lock. */
export interface Transaction extends Queries {
  /** How many rows it changed. */
  run(sql: string, ...values: Value[]): number;
  /**
   * Has `step` run once before the commit, however many ask for the same `key`; should it throw, nothing is committed.
   * To be called last, when nothing can fail any more.
   */
  beforeCommit(key: string, step: (transaction: Transaction) => void): void;
}

export interface TransactionOptions {
  readonly signal?: AbortSignal | undefined;
}

/** How many waiting pieces of work share one commit; more would hold up everything else in this process. */
const GROUP_LIMIT = 128;

/**
 * Who takes the write lock again and again leaves it alone in between for so many milliseconds, and up to as many
 * more. The few transactions of a short command are not that.
 */
const FAIR_PAUSE = 2;
const FAIR_RUN = 8;

interface Job {
  readonly work: (transaction: Transaction) => unknown;
  readonly settle: (outcome: Outcome) => void;
  readonly deadline: number;
}

type Outcome = { readonly value: unknown } | { readonly error: unknown };

/**
 * One connection to one database, shared by everything in this process that uses it.
 *
 * Transactions take a synchronous function, wait for each other and for other processes without blocking, and are
 * never nested. Those that wait at the same time are committed together, each with its own success or failure.
 */
export class Connection {
  readonly #database: Database;
  readonly #path: string;
  readonly #patience: number;
  readonly #statements = new Map<string, Statement>();
  readonly #queue: Job[] = [];
  #draining: Promise<void> | undefined;
  #lastTransaction = -Infinity;
  /** How many transactions came one right after the other. */
  #run = 0;
  #closed = false;

  /** Takes over an open database; `path` is what errors name, `patience` how many milliseconds locks are waited for. */
  constructor(database: Database, path: string, patience = LOCK_PATIENCE) {
    this.#database = database;
    this.#path = path;
    this.#patience = patience;
  }

  /** Runs `query` outside any transaction; it sees what is committed. */
  async read<T>(query: (queries: Queries) => T, options: TransactionOptions = {}): Promise<T> {
    for (const backoff = new Backoff(this.#patience); ; await backoff.wait()) {
      options.signal?.throwIfAborted();
      this.#assertOpen();
      try {
        return query(this.#queries);
      } catch (error) {
        // Readers meet a lock only while another process recovers or removes the log.
        if (!isBusy(error) || backoff.isOver()) throw this.#explain(error, 'read');
      }
    }
  }

  /**
   * Runs `work` holding the write lock and commits what it did, or nothing if it throws. What it wrote is on the disk
   * when this resolves. `work` is called once and must not wait for anything.
   *
   * @throws {StowageError} BUSY if other processes kept the lock for a minute.
   */
  transaction<T>(work: (transaction: Transaction) => T, options: TransactionOptions = {}): Promise<T> {
    const { signal } = options;
    return new Promise<T>((resolve, reject) => {
      signal?.throwIfAborted();
      this.#assertOpen();
      const job: Job = {
        work,
        settle: (outcome) => {
          signal?.removeEventListener('abort', giveUp);
          if ('error' in outcome) reject(outcome.error);
          else resolve(outcome.value as T);
        },
        deadline: performance.now() + this.#patience,
      };
      const giveUp = () => {
        const place = this.#queue.indexOf(job);
        if (place === -1) return;
        this.#queue.splice(place, 1);
        job.settle({ error: signal?.reason });
      };
      signal?.addEventListener('abort', giveUp);
      this.#queue.push(job);
      this.#draining ??= this.#drain();
    });
  }

  /** Waits for the transactions that were asked for, then closes the database. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#draining;
    this.#statements.clear();
    if (this.#lastTransaction !== -Infinity) this.#emptyLog();
    this.#database.close();
  }

  /**
   * The last connection to go empties the log, but the package counts as there until its statements have been
   * garbage collected. An empty log lets a root that is then made read-only be read without a copy.
   */
  #emptyLog(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // What is in the log is as safe there.
    }
  }

  async #drain(): Promise<void> {
    // Whoever asks in the same turn of the event loop joins the first group, such as blobs whose syncs end together.
    await nextTurn();
    while (this.#queue.length > 0) {
      this.#run = performance.now() - this.#lastTransaction < FAIR_PAUSE ? this.#run + 1 : 0;
      if (this.#run > FAIR_RUN) {
        await sleep(FAIR_PAUSE * (1 + Math.random()));
      }
      try {
        if (await this.#begin()) this.#commitGroup();
      } catch (error) {
        // The lock could not even be asked for: that concerns everybody who waits.
        for (const job of this.#queue.splice(0)) job.settle({ error: this.#explain(error, 'write') });
      }
      this.#lastTransaction = performance.now();
    }
    this.#draining = undefined;
  }

  /** Takes the write lock; false if meanwhile nobody wants it any more. */
  async #begin(): Promise<boolean> {
    for (const backoff = new Backoff(); this.#queue.length > 0; await backoff.wait()) {
      try {
        this.#database.exec('BEGIN IMMEDIATE');
        return true;
      } catch (error) {
        if (!isBusy(error)) throw error;
        this.#expire(error);
      }
    }
    return false;
  }

  #expire(cause: unknown): void {
    const now = performance.now();
    for (const job of this.#queue.filter(({ deadline }) => deadline < now)) {
      this.#queue.splice(this.#queue.indexOf(job), 1);
      job.settle({ error: this.#explain(cause, 'write') });
    }
  }

  #commitGroup(): void {
    const jobs = this.#queue.splice(0, GROUP_LIMIT);
    let outcomes: Outcome[] = [];
    try {
      const steps = new Map<string, (transaction: Transaction) => void>();
      const transaction: Transaction = {
        ...this.#queries,
        run: (sql, ...values) => Number(this.#prepare(sql).run(...values.map(checkText)).changes),
        beforeCommit: (key, step) => void steps.set(key, step),
      };
      outcomes = jobs.map((job) => this.#attempt(job, transaction));
      for (const step of steps.values()) step(transaction);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      const failure = { error: this.#explain(error, 'write') };
      outcomes = jobs.map((_, place) => {
        const outcome = outcomes[place];
        return outcome !== undefined && 'error' in outcome ? outcome : failure;
      });
    }
    jobs.forEach((job, place) => job.settle(outcomes[place] ?? { value: undefined }));
  }

  /** One job, undone by itself if it fails. */
  #attempt(job: Job, transaction: Transaction): Outcome {
    this.#database.exec('SAVEPOINT job');
    try {
      const value = job.work(transaction);
      this.#database.exec('RELEASE job');
      return { value };
    } catch (error) {
      this.#database.exec('ROLLBACK TO job');
      this.#database.exec('RELEASE job');
      return { error: this.#explain(error, 'write') };
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK');
    } catch {
      // A full or failing disk makes SQLite roll back by itself; then there is nothing to roll back.
    }
  }

  readonly #queries: Queries = {
    get: (sql, ...values) => this.#prepare(sql).get(...values.map(checkText)),
    all: (sql, ...values) => this.#prepare(sql).all(...values.map(checkText)),
  };

  #prepare(sql: string): Statement {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #assertOpen(): void {
    if (!this.#closed) return;
    throw new StowageError('INVALID', `Cannot use ${JSON.stringify(this.#path)}: the store is closed`);
  }

  #explain(error: unknown, verb: 'read' | 'write'): unknown {
    return fromSqliteError(error, `Cannot ${verb} ${JSON.stringify(this.#path)}`);
  }
}

/** What the users of a connection see of it: they share it, so that none of them may close it. */
export type SharedConnection = Pick<Connection, 'read' | 'transaction'>;

/**
 * Equal only if nothing was changed between two looks by the same connection: it counts what others committed, and every
 * row this process has changed, committed or not. Inside a transaction nobody else changes anything any more.
 */
export function revisionIn(queries: Queries): string {
  const others = queries.get('PRAGMA data_version')?.['data_version'];
  const own = queries.get('SELECT total_changes() AS own')?.['own'];
  return `${String(others)} ${String(own)}`;
}

/** Text that would come back as other text: SQLite's text is UTF-8, and its C interface ends it at a zero byte. */
const UNSTORABLE = /\0|\p{Surrogate}/u;

function checkText(value: Value): Value {
  if (typeof value !== 'string' || !UNSTORABLE.test(value)) return value;
  throw new StowageError(
    'INVALID',
    `Cannot store ${JSON.stringify(value.slice(0, 200))}: it has a zero byte or is not valid Unicode`,
  );
}
