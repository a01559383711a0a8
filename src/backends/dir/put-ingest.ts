import { randomUUID } from 'node:crypto';
import type { Target } from '../../content/store.js';
import { errnoOf, isStowageError, StowageError } from '../../errors.js';
import type { BegunFile } from './blob-file.js';
import type { TransactionOptions } from './database/connection.js';
import { createData, openData, takeBack } from './ingest-data.js';
import { IngestFolder } from './ingest-folder.js';
import type { OpenFile } from './files.js';
import { forgetProgress } from './ingest-progress.js';
import type { Place } from './place.js';
import { tidyOnce } from './stored-ingests.js';

/**
 * The write in progress of a put. Its reference is the digest, where that is known up front: whoever puts the same
 * content after a process that died goes on where that one was.
 *
 * A digest that somebody alive writes already is left to them, and this write gets a reference of its own: a slow pipe
 * in one process must not hold up another, and whoever is second finds the content stored and throws theirs away.
 */
export class PutIngest {
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
  ): Promise<PutIngest> {
    await tidyOnce(place);
    const { digest: expected, size: total } = target;
    let folder = await (expected &&
      IngestFolder.acquire(place, { namespace, ref: expected, expected, total }, options));
    while (!(folder instanceof IngestFolder)) {
      const ref = `put-${randomUUID()}`;
      folder = await IngestFolder.acquire(place, { namespace, ref, expected, total }, options);
    }
    await folder.revise({ expected, total });
    return new PutIngest(place, folder);
  }

  /** Where the bytes are. */
  get data(): string {
    return this.#folder.data;
  }

  /**
   * Opens the file for the bytes, with what there is of them.
   * @throws {StowageError} CONFLICT if somebody aborted it, and somebody else writes the same by now.
   */
  async openData(attempt: string): Promise<BegunFile> {
    const { files } = this.#place;
    // To look for what cannot be there takes as long as a small blob.
    if (this.#folder.isNew) return { file: await this.#create(attempt), present: 0 };
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

  async #create(attempt: string): Promise<OpenFile> {
    try {
      return await createData(this.#place.files, this.data);
    } catch (error) {
      throw errnoOf(error) === 'EEXIST' ? putAborted(attempt) : error;
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

/** The error for a put whose bytes somebody has thrown away. */
export function putAborted(attempt: string): StowageError {
  return new StowageError('CONFLICT', `${attempt}: it was aborted while it was written`);
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
