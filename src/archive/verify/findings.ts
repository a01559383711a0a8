import type { Digest } from '../../oci/digest.js';
import { FINDING_LIMIT, type Finding, type FindingCode, type Severity } from './report.js';

const ORDER: readonly Severity[] = ['error', 'warning', 'note'];

/** Findings that only say that something is not there, of images that are fine otherwise. */
const ABSENCES: ReadonlySet<FindingCode> = new Set(['platform-absent', 'image-absent']);

/** Collects findings as they are made. Memory is bounded however many there are. */
export class Findings {
  readonly #kept: Finding[] = [];
  readonly #perCode = new Map<FindingCode, number>();
  readonly #said = new Set<string>();
  readonly #blamed = new Set<Digest>();
  readonly counts: Record<Severity, number> = { error: 0, warning: 0, note: 0 };
  /** Whether an error is more than an absence. */
  broken = false;

  /** Takes a finding in; one that was made before, about the same place, is not made again. */
  add(finding: Finding): void {
    const { severity, code, digest } = finding;
    if (severity === 'error') {
      if (digest !== undefined) this.#blamed.add(digest);
      if (!ABSENCES.has(code)) this.broken = true;
    }
    const kept = this.#perCode.get(code) ?? 0;
    const key = `${code} ${finding.where} ${finding.message}`;
    if (this.#said.has(key)) return;
    this.counts[severity] += 1;
    if (kept >= FINDING_LIMIT) return;
    this.#said.add(key);
    this.#perCode.set(code, kept + 1);
    this.#kept.push(finding);
  }

  /** Whether an error was found in this blob. */
  blames(digest: Digest): boolean {
    return this.#blamed.has(digest);
  }

  /** All that are kept, errors first. */
  list(): Finding[] {
    return ORDER.flatMap((severity) => this.#kept.filter((finding) => finding.severity === severity));
  }
}
