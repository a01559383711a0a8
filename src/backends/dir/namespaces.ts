import { checkLabels, mergeLabels } from '../../content/labels.js';
import type { CallOptions, LabelChanges, Labels } from '../../content/store.js';
import {
  namespaceExists,
  namespaceInUse,
  namespaceNotFound,
  type NamespaceInfo,
  type NamespaceStore,
} from '../../images/namespaces.js';
import { checkNamespace } from '../../images/validate.js';
import type { Queries, Transaction } from './database/connection.js';
import type { Row } from './database/library.js';
import { removeFolder } from './ingest-folder.js';
import { storedIngests } from './stored-ingests.js';
import { PAGE, paged } from './paged.js';
import { withReserve } from './reserve.js';
import { mapOf } from './rows.js';
import { requireWritable, type View } from './view.js';

/** The namespaces of a root; every view shows all of them. */
export class DirNamespaces implements NamespaceStore {
  readonly #view: View;

  constructor(view: View) {
    this.#view = view;
  }

  list(options: CallOptions = {}): AsyncIterable<NamespaceInfo> {
    const query = `SELECT name, labels FROM namespaces WHERE name > ? ORDER BY name LIMIT ${PAGE}`;
    return paged<NamespaceInfo>(
      this.#view.place.connection,
      (queries, after) => queries.all(query, after?.name ?? ''),
      namespaceOf,
      options,
    );
  }

  async get(name: string, options: CallOptions = {}): Promise<NamespaceInfo | undefined> {
    return this.#view.place.connection.read((queries) => find(queries, name), options);
  }

  async create(
    name: string,
    options: CallOptions & { readonly labels?: Labels } = {},
  ): Promise<NamespaceInfo> {
    const what = `namespace ${JSON.stringify(name)}`;
    requireWritable(this.#view, `create ${what}`);
    checkNamespace(name);
    checkLabels(options.labels ?? {}, what);
    const labels = mergeLabels({}, options.labels ?? {});
    return this.#view.place.connection.transaction((transaction) => {
      const added = transaction.run(
        'INSERT OR IGNORE INTO namespaces (name, labels, created) VALUES (?, ?, ?)',
        name,
        JSON.stringify(labels),
        Date.now(),
      );
      if (added === 0) throw namespaceExists(name);
      return { name, labels };
    }, options);
  }

  async setLabels(name: string, changes: LabelChanges, options: CallOptions = {}): Promise<NamespaceInfo> {
    const what = `namespace ${JSON.stringify(name)}`;
    requireWritable(this.#view, `label ${what}`);
    checkLabels(changes, what);
    return this.#view.place.connection.transaction((transaction) => {
      const current = find(transaction, name);
      if (current === undefined) throw namespaceNotFound(name);
      const labels = mergeLabels(current.labels, changes);
      transaction.run('UPDATE namespaces SET labels = ? WHERE name = ?', JSON.stringify(labels), name);
      return { name, labels };
    }, options);
  }

  async delete(name: string, options: CallOptions = {}): Promise<boolean> {
    requireWritable(this.#view, `remove namespace ${JSON.stringify(name)}`);
    options.signal?.throwIfAborted();
    const { place } = this.#view;
    const ingests: string[] = [];
    for await (const { namespace, folder } of storedIngests(place)) {
      if (namespace === name) ingests.push(folder);
    }
    const remove = (transaction: Transaction) => {
      const left = {
        images: transaction.get('SELECT 1 FROM images WHERE namespace = ? LIMIT 1', name) !== undefined,
        blobs: transaction.get('SELECT 1 FROM content WHERE namespace = ? LIMIT 1', name) !== undefined,
      };
      if (left.images || left.blobs) throw namespaceInUse(name, left);
      for (const table of ['lease_resources', 'leases']) {
        transaction.run(`DELETE FROM ${table} WHERE namespace = ?`, name);
      }
      return transaction.run('DELETE FROM namespaces WHERE name = ?', name) > 0;
    };
    const existed = await withReserve(place, () => place.connection.transaction(remove, options));
    for (const folder of existed ? ingests : []) await removeFolder(place, folder, options);
    return existed;
  }
}

function find(queries: Queries, name: string): NamespaceInfo | undefined {
  const row = queries.get('SELECT name, labels FROM namespaces WHERE name = ?', name);
  return row && namespaceOf(row);
}

function namespaceOf(row: Row): NamespaceInfo {
  return { name: String(row['name']), labels: mapOf(row['labels']) };
}
