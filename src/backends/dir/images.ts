import type { CallOptions, ListOptions } from '../../content/store.js';
import { changeRecord } from '../../images/change.js';
import { GC_EXPIRE } from '../../images/gc-labels.js';
import type { ImageChange, ImageRecord, ImageStore } from '../../images/store.js';
import type { Queries, Transaction } from './database/connection.js';
import { IndexFile } from './index-file.js';
import { PAGE, paged } from './paged.js';
import { withReserve } from './reserve.js';
import { IMAGE, imageOf } from './rows.js';
import { hold, releaseFromLeases, requireLease, requireWritable, touchNamespace, type View } from './view.js';

/** The image records of one namespace. */
export class DirImages implements ImageStore {
  readonly atomic = true;
  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
  }

  async get(name: string, options: CallOptions = {}): Promise<ImageRecord | undefined> {
    return this.#view.place.connection.read((queries) => this.#find(queries, name), options);
  }

  list(options: ListOptions = {}): AsyncIterable<ImageRecord> {
    const { place, namespace } = this.#view;
    const query = `SELECT ${IMAGE} FROM images WHERE namespace = ? AND name > ? ORDER BY name LIMIT ${PAGE}`;
    return paged<ImageRecord>(
      place.connection,
      (queries, after) => queries.all(query, namespace, after?.name ?? options.after ?? ''),
      imageOf,
      options,
    );
  }

  async apply(changes: readonly ImageChange[], options: CallOptions = {}): Promise<readonly ImageRecord[]> {
    options.signal?.throwIfAborted();
    requireWritable(this.#view, 'change images');
    if (changes.length === 0) return [];
    const { place } = this.#view;
    const work = (transaction: Transaction) => {
      const now = new Date();
      requireLease(this.#view, transaction);
      touchNamespace(this.#view, transaction);
      const records: ImageRecord[] = [];
      for (const change of changes) {
        const record = changeRecord(this.#find(transaction, change.name), change, now);
        if (record === undefined) this.#delete(transaction, change.name);
        else {
          this.#save(transaction, record);
          records.push(record);
        }
      }
      new IndexFile(place.paths, place.files).rewriteWith(transaction);
      return records;
    };
    const change = () => place.connection.transaction(work, options);
    return changes.every(({ op }) => op === 'delete') ? withReserve(place, change) : change();
  }

  #find(queries: Queries, name: string): ImageRecord | undefined {
    const row = queries.get(
      `SELECT ${IMAGE} FROM images WHERE namespace = ? AND name = ?`,
      this.#view.namespace,
      name,
    );
    return row && imageOf(row);
  }

  #delete(transaction: Transaction, name: string): void {
    transaction.run('DELETE FROM images WHERE namespace = ? AND name = ?', this.#view.namespace, name);
    releaseFromLeases(transaction, this.#view.namespace, 'images', name);
  }

  #save(transaction: Transaction, { name, target, labels, createdAt, updatedAt }: ImageRecord): void {
    transaction.run(
      `INSERT OR REPLACE INTO images
         (namespace, name, mediatype, digest, size, annotations, labels, created, updated)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      this.#view.namespace,
      name,
      target.mediaType,
      target.digest,
      target.size,
      JSON.stringify(target.annotations ?? {}),
      JSON.stringify(labels),
      createdAt.getTime(),
      updatedAt.getTime(),
    );
    if (labels[GC_EXPIRE] !== undefined) hold(this.#view, transaction, name, 'images');
  }
}
