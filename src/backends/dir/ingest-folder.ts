import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { errnoOf, isStowageError } from '../../errors.js';
import { parseDigest, type Digest } from '../../oci/digest.js';
import type { Transaction, TransactionOptions } from './database/connection.js';
import { holderIn, isHeld, NOBODY, textIn } from './ingest-holder.js';
import type { Place } from './place.js';

/** What an ingest is for, as its folder says. */
export interface IngestTerms {
  readonly namespace: string;
  readonly ref: string;
  /** Bytes there will be, where it was said. */
  readonly total: number | undefined;
  readonly expected: Digest | undefined;
  readonly startedAt: Date;
}

/** Somebody alive has the reference, since then. */
export interface Locked {
  readonly lockedSince: Date;
}

/**
 * The folder of a write in progress: `ingest.json` says what it is for, `holder` whose it is, `data` has the bytes so
 * far. It appears with the first two in one step and disappears in one; what was named `new-…` or `gone-…` for that
 * and is still there was left by a crash.
 *
 * `holder` is changed under the write lock only, so that one of several gets a folder whose holder died. Whoever
 * closes an ingest empties it. An object of this class is the hold on the folder, until it is released or discarded.
 */
export class IngestFolder {
  readonly path: string;
  /** Where the bytes are. */
  readonly data: string;
  /** Whether nobody had it before. */
  readonly isNew: boolean;
  #terms: IngestTerms;
  readonly #place: Place;
  readonly #mark: string;

  private constructor(place: Place, path: string, terms: IngestTerms, mark: string, isNew: boolean) {
    this.#place = place;
    this.path = path;
    this.#terms = terms;
    this.data = join(path, 'data');
    this.#mark = mark;
    this.isNew = isNew;
  }

  /** The folder of a reference, new or as it was left; {@link Locked} if somebody alive has it. */
  static async acquire(
    place: Place,
    wanted: Pick<IngestTerms, 'namespace' | 'ref'> & Partial<IngestTerms>,
    options: TransactionOptions = {},
  ): Promise<IngestFolder | Locked> {
    const { files, paths, holders, openIngests } = place;
    const mark = `${await holders.own(options)} ${randomUUID()}`;
    const path = paths.ingest(wanted.namespace, wanted.ref);
    // From here on it counts as open in this process, and it is nobody else's.
    openIngests.add(mark);
    try {
      for (;;) {
        options.signal?.throwIfAborted();
        if ((await files.stat(path)) === undefined) {
          const terms = termsOf(wanted);
          if (await create(place, path, terms, mark)) return new IngestFolder(place, path, terms, mark, true);
        }
        const named = await holderIn(place, path);
        if (isHeld(place, named)) {
          openIngests.delete(mark);
          const touched = await files.stat(join(path, 'holder'));
          return { lockedSince: new Date(Number(touched?.modified ?? 0) / 1e6) };
        }
        if (!(await takeOver(place, path, named, mark))) continue;
        const known = await termsIn(place, path);
        const folder = new IngestFolder(place, path, known ?? termsOf(wanted), mark, false);
        if (known === undefined) await folder.#record();
        return folder;
      }
    } catch (error) {
      openIngests.delete(mark);
      throw error;
    }
  }

  get terms(): IngestTerms {
    return this.#terms;
  }

  /** Records what is known by now. */
  async revise(terms: Partial<Pick<IngestTerms, 'total' | 'expected'>>): Promise<void> {
    const { total = terms.total, expected } = this.#terms;
    const wanted = terms.expected ?? expected;
    if (total === this.#terms.total && wanted === expected) return;
    this.#terms = { ...this.#terms, total, expected: wanted };
    await this.#record();
  }

  /** Its terms and its name. The bytes, and how many of them are certain, were synced when that was recorded. */
  async #makeDurable(): Promise<void> {
    const { files, paths } = this.#place;
    try {
      const terms = await files.open(join(this.path, 'ingest.json'), 'r+');
      await terms.sync().finally(() => terms.close());
      files.sync.syncFolder(this.path);
      files.sync.syncFolder(paths.ingests);
    } catch (error) {
      // Somebody has thrown it away meanwhile.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  #record(): Promise<void> {
    return this.#place.files.replaceText(join(this.path, 'ingest.json'), textOf(this.#terms));
  }

  /** Whether nobody has thrown it away yet. */
  async isStillOurs(): Promise<boolean> {
    return (await holderIn(this.#place, this.path)) === this.#mark;
  }

  /** The same, to be asked in the transaction that relies on it. */
  isOurs(): boolean {
    return textIn(this.#place, this.path) === this.#mark;
  }

  /**
   * Removes it all. Not under the lock, which may not be had any more: should somebody throw the folder away and make
   * another one just now, they find out as whoever had this one would.
   */
  async discard(): Promise<void> {
    const { files, openIngests, paths } = this.#place;
    try {
      if (!(await this.isStillOurs())) return;
      const gone = join(paths.ingests, `gone-${randomUUID()}`);
      if (await files.renameFolder(this.path, gone)) await files.removeTree(gone);
    } finally {
      openIngests.delete(this.#mark);
    }
  }

  /**
   * Lets go of it and leaves what is in it, as `closed` for whoever wants it, or as an orphan. What is closed outlasts
   * a power cut.
   */
  async release(as: 'closed' | 'orphan'): Promise<void> {
    const { connection, files, openIngests } = this.#place;
    try {
      if (as === 'closed' && (await this.isStillOurs())) await this.#makeDurable();
      await connection.transaction(() => {
        if (this.isOurs()) files.sync.writeSynced(join(this.path, 'holder'), as === 'closed' ? '' : NOBODY);
      });
    } finally {
      // Though the mark should still be there, nobody has it open.
      openIngests.delete(this.#mark);
    }
  }
}

/** What a folder says it is for, or undefined if it does not say so: a power cut may have left an empty file. */
export async function termsIn({ files }: Place, path: string): Promise<IngestTerms | undefined> {
  const text = await files.readText(join(path, 'ingest.json'));
  try {
    const { namespace, ref, total, expected, startedAt } = JSON.parse(text ?? '') as Record<string, unknown>;
    if (typeof namespace !== 'string' || typeof ref !== 'string' || typeof startedAt !== 'string')
      return undefined;
    return {
      namespace,
      ref,
      total: typeof total === 'number' ? total : undefined,
      expected: typeof expected === 'string' ? parseDigest(expected) : undefined,
      startedAt: new Date(startedAt),
    };
  } catch (error) {
    if (error instanceof SyntaxError || isStowageError(error, 'INVALID')) return undefined;
    throw error;
  }
}

/** Takes a folder away under the write lock unless somebody alive has it; false if so, or if it is gone. */
export async function removeFolder(
  place: Place,
  path: string,
  options: TransactionOptions & {
    /** Also if somebody has it open, who finds out when the bytes are to be a blob. */
    readonly evenIfHeld?: boolean;
    /** The last word in the transaction that takes it away; false leaves it. */
    readonly also?: (transaction: Transaction) => boolean;
  } = {},
): Promise<boolean> {
  const gone = await place.connection.transaction((transaction) => {
    if (place.files.sync.stat(path) === undefined) return undefined;
    if (options.evenIfHeld !== true && isHeld(place, textIn(place, path))) return undefined;
    if (options.also?.(transaction) === false) return undefined;
    const gone = join(place.paths.ingests, `gone-${randomUUID()}`);
    place.files.sync.rename(path, gone);
    return gone;
  }, options);
  if (gone !== undefined) await place.files.removeTree(gone);
  return gone !== undefined;
}

async function create(place: Place, path: string, terms: IngestTerms, mark: string): Promise<boolean> {
  const { files, paths } = place;
  const fresh = join(paths.ingests, `new-${mark.replace(' ', '.')}`);
  await files.makeFolder(fresh);
  let done = false;
  try {
    await files.createText(join(fresh, 'holder'), mark);
    await files.createText(join(fresh, 'ingest.json'), textOf(terms));
    done = await files.renameFolder(fresh, path);
  } finally {
    if (!done) await files.removeTree(fresh);
  }
  return done;
}

function termsOf(wanted: Pick<IngestTerms, 'namespace' | 'ref'> & Partial<IngestTerms>): IngestTerms {
  return { total: undefined, expected: undefined, startedAt: new Date(), ...wanted };
}

function textOf({ namespace, ref, total, expected, startedAt }: IngestTerms): string {
  return JSON.stringify({ namespace, ref, total, expected, startedAt });
}

/** Makes a folder that is `named` somebody else's ours; false if it is not any more. */
async function takeOver(place: Place, path: string, named: string, mark: string): Promise<boolean> {
  const { connection, files } = place;
  return connection.transaction(() => {
    if (files.sync.stat(path) === undefined || textIn(place, path) !== named) return false;
    if (isHeld(place, named)) return false;
    files.sync.writeSynced(join(path, 'holder'), mark);
    return true;
  });
}
