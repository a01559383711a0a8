import type { Digest } from '../../../oci/digest.js';

/**
 * `damage`: something that was stored is lost, or is not what is on record. `warning`: all is there, but something is not
 * as this program made it. `leftover`: what a process that was killed leaves, harmless and known how to clear.
 */
export type StoreSeverity = 'damage' | 'warning' | 'leftover';

/** What a finding is about. The set is closed: a program may switch over it. */
export type StoreFindingCode = keyof typeof STORE_FINDINGS;

/** Every code with its severity and what it means; the documentation of the command is made from it. */
export const STORE_FINDINGS = {
  'database-missing': ['damage', 'the database is gone or empty, while content is there'],
  'database-damaged': ['damage', 'SQLite cannot read the database, or its own check of it fails'],
  'record-invalid': ['damage', 'a record has a digest or labels that cannot be read'],
  'blob-digest': ['damage', 'the content of a blob is not what its name says'],
  'blob-size': ['damage', 'the file of a blob is shorter or longer than is on record'],
  'blob-missing': ['damage', 'a blob is on record, and its file is gone'],
  'blob-unreadable': ['damage', 'the file of a blob cannot be read'],
  'blob-kind': ['damage', 'in the place of a blob is something else than a file'],
  'blob-unrecorded': ['damage', 'a namespace holds a blob that no record of blobs knows'],
  'image-target': ['damage', 'an image points to content that is not there'],
  'image-incomplete': ['damage', 'an image lacks content that was stored with it'],
  'index-damaged': ['damage', 'index.json or oci-layout cannot be read'],
  'index-foreign': ['warning', 'another program changed index.json'],
  'blob-mode': ['warning', 'a blob can be written to'],
  'blob-unheld': ['warning', 'a blob is on record that no namespace holds'],
  'lease-dangling': ['warning', 'content is under a lease that does not exist'],
  'foreign-file': ['warning', 'a file is there that no store makes'],
  'not-writable': ['warning', 'a part of the store cannot be written by this user'],
  'file-unrecorded': ['leftover', 'a file among the blobs is on no record'],
  'blob-dying': ['leftover', 'a blob was deleted, and its file not yet'],
  'ingest-orphan': ['leftover', 'a write in progress belongs to a process that is gone'],
  'holder-dead': ['leftover', 'a process that is gone left its sign of life'],
  'lease-orphan': ['leftover', 'a lease is over: it has expired, or its process is gone'],
  'temporary-file': ['leftover', 'a process that is gone has not removed a file outside the store'],
  'index-stale': ['leftover', 'index.json or oci-layout is missing, or not of the last change'],
  'half-written': ['leftover', 'a file of the root was being replaced'],
} as const satisfies Record<string, readonly [StoreSeverity, string]>;

/** One thing that was found. */
export interface StoreFinding {
  readonly severity: StoreSeverity;
  readonly code: StoreFindingCode;
  /** The path below the root it is about; for a record, what it is a record of: `image "x" of namespace "default"`. */
  readonly where: string;
  /** One line. */
  readonly message: string;
  /** What to do about it where repair cannot. */
  readonly hint?: string;
  readonly digest?: Digest;
  readonly namespace?: string;
  /** The name of the image. */
  readonly name?: string;
  /** Of an image: what it lacks. */
  readonly missing?: readonly Digest[];
  /** Whether repair mends it; for damage that means: as far as it can be without the content that is lost. */
  readonly repairable: boolean;
  /** What repair did, and where it put what it took away. */
  readonly repaired?: string;
}

/** The outcome of a check. */
export interface StoreReport {
  /** `damaged` as long as there is damage that was not repaired. */
  readonly verdict: 'sound' | 'damaged';
  /** Damage first, then warnings, then leftovers; at most {@link FINDING_LIMIT} of a code, the counts are exact. */
  readonly findings: readonly StoreFinding[];
  /** What was found and was not repaired. */
  readonly damage: number;
  readonly warnings: number;
  readonly leftovers: number;
  readonly repaired: number;
  /** Files of blobs, and how many bytes of them were read and hashed. */
  readonly blobs: { readonly count: number; readonly bytes: number; readonly hashedBytes: number };
}

export const FINDING_LIMIT = 1000;

const ORDER: Readonly<Record<StoreSeverity, number>> = { damage: 0, warning: 1, leftover: 2 };

/** Collects findings into a report. */
export class StoreFindings {
  readonly #kept = new Map<StoreFindingCode, StoreFinding[]>();
  readonly #open: Record<StoreSeverity, number> = { damage: 0, warning: 0, leftover: 0 };
  #repaired = 0;

  add(finding: StoreFinding): void {
    if (finding.repaired === undefined) this.#open[finding.severity] += 1;
    else this.#repaired += 1;
    const kept = this.#kept.get(finding.code) ?? [];
    this.#kept.set(finding.code, kept);
    if (kept.length < FINDING_LIMIT) kept.push(finding);
  }

  report(blobs: StoreReport['blobs']): StoreReport {
    const findings = [...this.#kept.values()].flat();
    const { damage, warning: warnings, leftover: leftovers } = this.#open;
    return {
      verdict: damage > 0 ? 'damaged' : 'sound',
      findings: findings.sort((a, b) => ORDER[a.severity] - ORDER[b.severity]),
      damage,
      warnings,
      leftovers,
      repaired: this.#repaired,
      blobs,
    };
  }
}
