import { fromSystemError } from '../../errors.js';
import type { Queries, SharedConnection, Transaction } from './database/connection.js';
import type { FileFacts, Files } from './files.js';
import { generationOf, indexText, isIndex, LAYOUT_FILE } from './layout.js';
import type { Paths } from './paths.js';
import { NAMED, namedOf } from './rows.js';

/** The namespace whose names other tools see. */
export const VISIBLE_NAMESPACE = 'default';

/**
 * `ahead`: left by a process that ended between its rename and its commit. `foreign`: another program wrote it.
 */
export type IndexState = 'current' | 'missing' | 'ahead' | 'unreadable' | 'foreign';

const FACTS = 'index';
const GENERATION = 'generation';

/** `oci-layout` and `index.json`: written under the write lock, and remembered, so that a foreign change is seen. */
export class IndexFile {
  readonly #paths: Paths;
  readonly #files: Files;

  constructor(paths: Paths, files: Files) {
    this.#paths = paths;
    this.#files = files;
  }

  /** Has `index.json` written once before the transaction is committed. */
  rewriteWith(transaction: Transaction): void {
    transaction.beforeCommit('index.json', (inside) => this.#write(inside, generation(inside) + 1));
  }

  /**
   * Sees to it that both files are there and that `index.json` is the one that was written last. One that a crash
   * left between its rename and the commit is written anew; a foreign one stays until the next change of an image,
   * and is told of.
   */
  async reconcile(
    connection: SharedConnection,
    onWarning: (message: string) => void,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const remembered = await connection.read((queries) => recorded(queries), { signal });
    const [layout, index] = [
      await this.#files.stat(this.#paths.layout),
      await this.#files.stat(this.#paths.index),
    ];
    if (layout !== undefined && index !== undefined && remembered === factsText(index)) return;
    // Another process may be between its rename and its commit: only under the lock can the two be compared.
    const foreign = await connection.transaction((transaction) => this.#repair(transaction), { signal });
    if (foreign) {
      onWarning(
        `Another program changed ${JSON.stringify(this.#paths.index)}; its images are not part of this store, ` +
          'and the next change of an image writes the file anew',
      );
    }
  }

  /**
   * How `index.json` stands to the records, whoever seems to have written it last. To be asked under the write lock:
   * before it, another process may be between its rename and its commit.
   */
  state(queries: Queries): IndexState {
    const bytes = this.#files.sync.read(this.#paths.index);
    if (bytes === undefined) return 'missing';
    const current = generation(queries);
    if (Buffer.from(bytes).toString() === this.#text(queries, current)) return 'current';
    if (!isIndex(bytes)) return 'unreadable';
    const found = generationOf(bytes);
    return found !== undefined && found > current ? 'ahead' : 'foreign';
  }

  /** Writes `index.json` anew, as one that is younger than the one that is there. */
  rewrite(transaction: Transaction): void {
    const bytes = this.#files.sync.read(this.#paths.index);
    const found = bytes === undefined ? undefined : generationOf(bytes);
    this.#write(transaction, Math.max(found ?? 0, generation(transaction)) + 1);
  }

  /** Writes `oci-layout`. */
  writeLayout(): void {
    this.#replace(this.#paths.layout, LAYOUT_FILE);
  }

  /** Whether the index is a foreign one. */
  #repair(transaction: Transaction): boolean {
    if (this.#files.sync.stat(this.#paths.layout) === undefined) this.writeLayout();
    const facts = this.#files.sync.stat(this.#paths.index);
    if (facts !== undefined && recorded(transaction) === factsText(facts)) return false;
    switch (this.state(transaction)) {
      case 'current':
        // The same file at another place, such as after a copy of the root.
        if (facts !== undefined) remember(transaction, FACTS, factsText(facts));
        return false;
      case 'missing':
      case 'ahead':
        this.rewrite(transaction);
        return false;
      case 'unreadable':
      case 'foreign':
        return true;
    }
  }

  #write(transaction: Transaction, number: number): void {
    const facts = this.#replace(this.#paths.index, this.#text(transaction, number));
    remember(transaction, GENERATION, number);
    if (facts !== undefined) remember(transaction, FACTS, factsText(facts));
  }

  #text(queries: Queries, number: number): string {
    const named = queries.all(
      `SELECT ${NAMED} FROM images WHERE namespace = ? ORDER BY name`,
      VISIBLE_NAMESPACE,
    );
    const others = queries.all(
      `SELECT ${NAMED} FROM images WHERE namespace <> ? ORDER BY namespace, name`,
      VISIBLE_NAMESPACE,
    );
    return indexText(
      named.map(namedOf),
      others.map((row) => namedOf(row).target),
      number,
    );
  }

  /** Complete under its name or not there at all, whatever happens. */
  #replace(path: string, text: string): FileFacts | undefined {
    const { sync } = this.#files;
    const temporary = `${path}.tmp`;
    try {
      sync.writeSynced(temporary, text);
      sync.rename(temporary, path);
      sync.syncFolder(this.#paths.root);
      return sync.stat(path);
    } catch (error) {
      throw fromSystemError(error, `Cannot write ${JSON.stringify(path)}`);
    }
  }
}

function generation(queries: Queries): number {
  return Number(queries.get('SELECT value FROM meta WHERE key = ?', GENERATION)?.['value'] ?? 0);
}

/** Says which `index.json` was the last one, for a database that is made from it. */
export function rememberGeneration(transaction: Transaction, number: number): void {
  remember(transaction, GENERATION, number);
}

function recorded(queries: Queries): string | undefined {
  const value = queries.get('SELECT value FROM meta WHERE key = ?', FACTS)?.['value'];
  return typeof value === 'string' ? value : undefined;
}

function remember(transaction: Transaction, key: string, value: string | number): void {
  transaction.run('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)', key, value);
}

function factsText({ inode, modified, size }: FileFacts): string {
  return `${inode} ${modified} ${size}`;
}
