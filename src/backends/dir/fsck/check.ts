import { relative, sep } from 'node:path';
import { errnoOf, fromSystemError, isStowageError } from '../../../errors.js';
import type { OnProgress } from '../../../content/progress.js';
import type { CopyLanes } from '../../../io/copy-lanes.js';
import type { Digest } from '../../../oci/digest.js';
import type { Queries, Transaction } from '../database/connection.js';
import type { Place } from '../place.js';
import { STORE_FINDINGS, type StoreFinding } from './report.js';

/** A finding before it is known whether it is repaired. */
export type Draft = Omit<StoreFinding, 'severity' | 'repairable' | 'repaired'>;

/** Mends a finding inside the transaction that looked at it last; answers what it did. */
export type Mend = (transaction: Transaction) => string;

export interface CheckSetting {
  readonly place: Place;
  /** Who hashes. */
  readonly lanes: CopyLanes;
  /** Whether the write lock can be had; else there is nobody who could do so, or this user may not. */
  readonly writable: boolean;
  readonly repair: boolean;
  readonly hash: boolean;
  /** Blobs that were hashed already. */
  readonly proven?: ReadonlySet<Digest> | undefined;
  readonly onFinding: (finding: StoreFinding) => void;
  readonly onProgress: OnProgress | undefined;
  readonly signal: AbortSignal | undefined;
}

/** One check of one store: what its steps share. */
export class Check {
  readonly place: Place;
  readonly lanes: CopyLanes;
  readonly writable: boolean;
  readonly repair: boolean;
  readonly hash: boolean;
  readonly proven: ReadonlySet<Digest>;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal | undefined;
  /** Blobs that were found to be lost, so that the images that need them can be told. */
  readonly lost = new Set<Digest>();
  /** Sound files that are on no record, with their sizes. */
  readonly strays = new Map<Digest, number>();
  readonly #onFinding: (finding: StoreFinding) => void;

  constructor(setting: CheckSetting) {
    this.place = setting.place;
    this.lanes = setting.lanes;
    this.writable = setting.writable;
    this.repair = setting.repair;
    this.hash = setting.hash;
    this.proven = setting.proven ?? new Set();
    this.onProgress = setting.onProgress ?? (() => {});
    this.signal = setting.signal;
    this.#onFinding = setting.onFinding;
  }

  /** The path below the root, as findings name it. */
  where(path: string): string {
    return relative(this.place.paths.root, path).split(sep).join('/');
  }

  /** What the records say, outside any transaction. */
  read<T>(query: (queries: Queries) => T): Promise<T> {
    return this.place.connection.read(query, { signal: this.signal });
  }

  /**
   * Looks again at what seems to be wrong while nobody else can change it, so that the work of another process is not
   * taken for damage; tells what is still found, and in repair mends it in the same step. Answers whether it was found.
   */
  async settle(look: (queries: Queries) => Draft | undefined, mend?: Mend): Promise<boolean> {
    const { connection } = this.place;
    const options = { signal: this.signal };
    let draft: Draft | undefined;
    let repaired: string | undefined;
    try {
      if (!this.writable) draft = await connection.read(look, options);
      else {
        await connection.transaction((transaction) => {
          draft = look(transaction);
          if (draft !== undefined && this.repair) repaired = mend?.(transaction);
        }, options);
      }
    } catch (error) {
      // That one thing cannot be mended is no reason to leave the others.
      if (draft === undefined || !isFailureOfMending(error)) throw error;
      repaired = undefined;
      const reason = fromSystemError(error, 'it cannot be repaired') as Error;
      draft = { ...draft, hint: reason.message };
    }
    if (draft !== undefined) this.tell(draft, { repairable: mend !== undefined, repaired });
    return draft !== undefined;
  }

  tell(draft: Draft, state: Outcome): void {
    this.#onFinding(findingOf(draft, state));
  }
}

interface Outcome {
  readonly repairable: boolean;
  readonly repaired?: string | undefined;
}

export function findingOf(draft: Draft, { repairable, repaired }: Outcome): StoreFinding {
  const severity = STORE_FINDINGS[draft.code][0];
  return { severity, ...draft, repairable, ...(repaired === undefined ? {} : { repaired }) };
}

function isFailureOfMending(error: unknown): boolean {
  return errnoOf(error) !== undefined || isStowageError(error, 'DENIED');
}
