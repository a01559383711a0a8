import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { BegunFile } from './blob-file.js';
import type { TransactionOptions } from './database/connection.js';
import { ORPHAN_TTL } from './holders.js';
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
    await removeOrphans(place, holder);
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
    const named = await nameOfHolder(place, folder);
    if (named === undefined || !(await takeOver(place, folder, named, holder))) return undefined;
    await files.unlink(ingest.data);
    return ingest;
  }

  /** Creates the file for the bytes. */
  async createData(): Promise<BegunFile> {
    return { file: await this.#place.files.open(this.data, 'wx+', 0o644), present: 0 };
  }

  /** Removes what is there of it. */
  async remove(): Promise<void> {
    await this.#place.files.removeTree(this.#folder);
  }
}

/** Places that were looked through already; once a process is enough. */
const tidied = new WeakSet<Place>();

/**
 * Removes ingests that nobody has continued for {@link ORPHAN_TTL}, also those that do not even say whose they are.
 */
async function removeOrphans(place: Place, holder: string): Promise<void> {
  if (tidied.has(place)) return;
  tidied.add(place);
  const { files, paths } = place;
  for (const name of await files.list(paths.ingests)) {
    const folder = join(paths.ingests, name);
    const touched = [await files.stat(folder), await files.stat(join(folder, 'data'))];
    const latest = Math.max(...touched.map((facts) => Number(facts?.modified ?? 0) / 1e6));
    if (Date.now() - latest < ORPHAN_TTL) continue;
    if (await takeOver(place, folder, await nameOfHolder(place, folder), holder))
      await files.removeTree(folder);
  }
}

/** Undefined if the ingest does not say whose it is: then somebody may just be about to say so. */
async function nameOfHolder({ files }: Place, folder: string): Promise<string | undefined> {
  return identifierIn(await files.readText(join(folder, 'holder')));
}

/** A power cut may have left an empty file. */
function identifierIn(text: string | undefined): string | undefined {
  return text !== undefined && IDENTIFIER.test(text) ? text : undefined;
}

/**
 * Makes an ingest of a dead process one of this process, under the write lock, so that only one gets it. False if its
 * holder lives or is not `named` any more.
 */
async function takeOver(
  { connection, files, holders }: Place,
  folder: string,
  named: string | undefined,
  holder: string,
): Promise<boolean> {
  if (named !== undefined && holders.isAlive(named)) return false;
  const path = join(folder, 'holder');
  return connection.transaction(() => {
    const bytes = files.sync.read(path);
    const current = identifierIn(bytes && Buffer.from(bytes).toString());
    if (current !== named || files.sync.stat(folder) === undefined) return false;
    files.sync.writeSynced(path, holder);
    return true;
  });
}
