import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { TransactionOptions } from './database/connection.js';
import type { OpenFile } from './files.js';
import type { Place } from './place.js';

const IDENTIFIER = /^[0-9a-f-]{36}$/;

/**
 * A write in progress: a folder that says which reference it is for and whose it is, and the bytes so far.
 *
 * A reference that somebody alive writes already is left to them, and this write gets one of its own: a slow pipe in
 * one process must not hold up another, and whoever is second finds the content stored and throws theirs away.
 */
export class Ingest {
  readonly #place: Place;
  readonly #folder: string;
  /** Where the bytes are. */
  readonly data: string;

  private constructor(place: Place, folder: string) {
    this.#place = place;
    this.#folder = folder;
    this.data = join(folder, 'data');
  }

  /** An empty ingest that belongs to this process; `ref` is what it would be resumed by, if anything. */
  static async open(
    place: Place,
    namespace: string,
    ref: string | undefined,
    options: TransactionOptions = {},
  ): Promise<Ingest> {
    const holder = await place.holders.own(options);
    if (ref !== undefined) {
      const wanted = await Ingest.#acquire(place, namespace, ref, holder);
      if (wanted !== undefined) return wanted;
    }
    for (;;) {
      const unique = await Ingest.#acquire(place, namespace, `put-${randomUUID()}`, holder);
      if (unique !== undefined) return unique;
    }
  }

  static async #acquire(
    place: Place,
    namespace: string,
    ref: string,
    holder: string,
  ): Promise<Ingest | undefined> {
    const { files, paths } = place;
    const folder = paths.ingest(namespace, ref);
    const ingest = new Ingest(place, folder);
    if (await files.makeFolder(folder)) {
      await files.createText(join(folder, 'holder'), holder);
      await files.createText(join(folder, 'ref'), `${namespace}/${ref}`);
      return ingest;
    }
    if (!(await takeOver(place, folder, holder))) return undefined;
    await files.unlink(ingest.data);
    return ingest;
  }

  /** Creates the file for the bytes. */
  createData(): Promise<OpenFile> {
    return this.#place.files.open(this.data, 'wx', 0o644);
  }

  /** Removes what is there of it. */
  async remove(): Promise<void> {
    await this.#place.files.removeTree(this.#folder);
  }
}

/**
 * Makes an ingest of a dead process one of this process, under the write lock, so that only one gets it. False if its
 * holder lives, or if it does not say whose it is: then somebody may just be about to say so.
 */
async function takeOver(place: Place, folder: string, holder: string): Promise<boolean> {
  const { connection, files, holders } = place;
  const path = join(folder, 'holder');
  const named = await files.readText(path);
  if (named === undefined || !IDENTIFIER.test(named) || holders.isAlive(named)) return false;
  return connection.transaction(() => {
    const current = files.sync.read(path);
    if (current === undefined || Buffer.from(current).toString() !== named) return false;
    files.sync.writeSynced(path, holder);
    return true;
  });
}
