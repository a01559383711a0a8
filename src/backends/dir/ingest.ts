import { randomUUID } from 'node:crypto';
import type { Target } from '../../content/store.js';
import { errnoOf, isStowageError } from '../../errors.js';
import type { BegunFile } from './blob-file.js';
import type { TransactionOptions } from './database/connection.js';
import type { Files, OpenFile } from './files.js';
import type { Holders } from './holders.js';
import { IngestFolder } from './ingest-folder.js';
import { forgetProgress } from './ingest-progress.js';
import { removeExpired } from './ingests.js';
import type { Place } from './place.js';

/**
 * The write in progress of a put. Its reference is the digest, where that is known up front: whoever puts the same
 * content after a process that died goes on where that one was.
 *
 * A digest that somebody alive writes already is left to them, and this write gets a reference of its own: a slow pipe
 * in one process must not hold up another, and whoever is second finds the content stored and throws theirs away.
 */
export class Ingest {
  readonly #place: Place;
  readonly #folder: IngestFolder;

  private constructor(place: Place, folder: IngestFolder) {
    this.#place = place;
    this.#folder = folder;
  }

  static async open(
    place: Place,
    namespace: string,
    target: Partial<Target>,
    options: TransactionOptions = {},
  ): Promise<Ingest> {
    await tidyOnce(place);
    const { digest: expected, size: total } = target;
    let folder = await (expected &&
      IngestFolder.acquire(place, { namespace, ref: expected, expected, total }, options));
    while (!(folder instanceof IngestFolder)) {
      const ref = `put-${randomUUID()}`;
      folder = await IngestFolder.acquire(place, { namespace, ref, expected, total }, options);
    }
    await folder.revise({ expected, total });
    return new Ingest(place, folder);
  }

  /** Where the bytes are. */
  get data(): string {
    return this.#folder.data;
  }

  /** Opens the file for the bytes, with what there is of them. */
  async openData(): Promise<BegunFile> {
    const { files } = this.#place;
    await takeBack(this.#place, this.#folder);
    await forgetProgress(files, this.#folder.path);
    const file = await openData(files, this.data);
    try {
      return { file, present: (await file.stat()).size };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Whether nobody has thrown it away meanwhile; to be asked in the step that relies on it. */
  isOurs(): boolean {
    return this.#folder.isOurs();
  }

  /** Removes what is there of it. */
  remove(): Promise<void> {
    return this.#folder.discard();
  }

  /** Ends it after a failure, and keeps the bytes for the next put of that content where they may be of use. */
  async fail(error: unknown): Promise<void> {
    const { expected, ref } = this.#folder.terms;
    const facts = await this.#place.files.stat(this.data);
    const useful = ref === expected && facts !== undefined && facts.size > 0 && !spoils(error);
    await (useful ? this.#folder.release('orphan') : this.#folder.discard());
  }
}

/**
 * Whether bytes that are there after this error may not be used. Once a sync has failed the system may have dropped
 * them from the way to the disk, and the next sync would not say so.
 */
function spoils(error: unknown): boolean {
  if (!isStowageError(error)) return false;
  const { syscall } = (error.cause ?? {}) as { readonly syscall?: unknown };
  return error.code === 'MISMATCH' || error.code === 'CORRUPT' || /sync/.test(String(syscall));
}

/**
 * Takes back the bytes of whoever ended between their rename and its commit: under the name of the blob they are on no
 * record, so that nobody sees them. Where it was not said what they are to be, they are not found.
 */
export async function takeBack(place: Place, { data, isNew, terms }: IngestFolder): Promise<void> {
  const { connection, files, paths } = place;
  const { expected } = terms;
  if (isNew || expected === undefined || (await files.stat(data)) !== undefined) return;
  const blob = paths.blob(expected);
  if ((await files.stat(blob)) === undefined) return;
  await connection.transaction((transaction) => {
    if (transaction.get('SELECT 1 FROM blobs WHERE digest = ?', expected) !== undefined) return;
    if (files.sync.stat(blob)?.isFile === true) files.sync.rename(blob, data);
  });
}

/** Creates the file of an ingest or opens it; a process may have died after it took its own right to write away. */
export async function openData(files: Files, path: string): Promise<OpenFile> {
  try {
    return await files.open(path, 'r+');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return files.open(path, 'wx+', 0o644);
    if (errnoOf(error) !== 'EACCES') throw error;
  }
  const file = await files.open(path, 'r');
  try {
    await file.chmod(0o644);
  } finally {
    await file.close();
  }
  return files.open(path, 'r+');
}

/** Places that were looked through already; once a process is enough. */
const tidied = new WeakSet<Holders>();

/** Removes what others left behind, unless this process has looked already. */
export async function tidyOnce(place: Place): Promise<void> {
  if (tidied.has(place.holders)) return;
  tidied.add(place.holders);
  await removeExpired(place);
}
