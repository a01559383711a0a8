import { checkLabels } from '../../content/labels.js';
import {
  checkDigest,
  checkIngest,
  checkSize,
  checkTotal,
  contentExists,
  ingestAborted,
  ingestClosed,
  ingestLocked,
} from '../../content/ingest-terms.js';
import type { CommitOptions, Ingest, IngestOptions, IngestStatus } from '../../content/ingests.js';
import type { CallOptions, Labels, Stored } from '../../content/store.js';
import { compareBytewise } from '../../io/bytewise.js';
import { whenFree } from '../../io/when-free.js';
import { createHasher, type Hasher } from '../../io/hash.js';
import { algorithmOf, type Algorithm, type Digest } from '../../oci/digest.js';
import { keyOf, leaseOfView, releaseFromLeases, type Namespace, type Place } from './place.js';

/** A write in progress. */
export interface IngestRow {
  status: IngestStatus;
  /** What was written, copied. */
  chunks: Uint8Array[];
  /** It is what another namespace holds, and nothing was written. */
  shared: boolean;
  /** Who has it open, and since when. */
  writer: { readonly since: Date } | undefined;
}

/** Makes bytes content of the namespace. */
type Commit = (digest: Digest, bytes: Uint8Array, labels: Labels) => Stored;

/** The writes in progress of one namespace, opened under one lease where there is one. */
export class MemoryIngests {
  readonly #place: Place;
  readonly #namespace: Namespace;
  readonly #leaseId: string | undefined;
  readonly #commit: Commit;

  constructor(place: Place, namespace: Namespace, leaseId: string | undefined, commit: Commit) {
    this.#place = place;
    this.#namespace = namespace;
    this.#leaseId = leaseId;
    this.#commit = commit;
  }

  async open(ref: string, options: IngestOptions): Promise<Ingest> {
    options.signal?.throwIfAborted();
    checkIngest(ref, options);
    return whenFree(async () => this.#open(ref, options), options.patience ?? 0, options.signal);
  }

  async *list(options: CallOptions): AsyncIterable<IngestStatus> {
    options.signal?.throwIfAborted();
    for (const ref of [...this.#namespace.ingests.keys()].sort(compareBytewise)) {
      options.signal?.throwIfAborted();
      const row = this.#namespace.ingests.get(ref);
      if (row !== undefined) yield this.#statusOf(row);
    }
  }

  async get(ref: string, options: CallOptions): Promise<IngestStatus | undefined> {
    options.signal?.throwIfAborted();
    const row = this.#namespace.ingests.get(ref);
    return row && this.#statusOf(row);
  }

  async abort(ref: string, options: CallOptions): Promise<boolean> {
    options.signal?.throwIfAborted();
    return forget(this.#namespace, ref);
  }

  #open(ref: string, { total, expect }: IngestOptions): Ingest {
    const lease = leaseOfView(this.#namespace, this.#leaseId);
    const { blobs, ingests } = this.#namespace;
    if (expect !== undefined && blobs.has(expect)) {
      lease?.held.set(keyOf({ type: 'content', id: expect }), { type: 'content', id: expect });
      if (ingests.get(ref)?.writer === undefined) forget(this.#namespace, ref);
      throw contentExists(expect);
    }
    const now = new Date();
    const row = ingests.get(ref) ?? {
      status: { ref, offset: 0, total, expected: expect, startedAt: now, updatedAt: now },
      chunks: [],
      shared: false,
      writer: undefined,
    };
    if (row.writer !== undefined) throw ingestLocked(ref, row.writer.since);
    checkTotal(ref, row.status.total, total);
    row.status = {
      ...row.status,
      total: row.status.total ?? total,
      expected: expect ?? row.status.expected,
    };
    this.#share(row);
    ingests.set(ref, row);
    lease?.held.set(keyOf({ type: 'ingests', id: ref }), { type: 'ingests', id: ref });
    return new MemoryIngest(row, this.#namespace, this.#commit);
  }

  #statusOf(row: IngestRow): IngestStatus {
    if (row.writer === undefined) this.#share(row);
    return row.status;
  }

  /** Content that another namespace holds needs no bytes. */
  #share(row: IngestRow): void {
    if (row.shared) {
      // It is found out anew: who held it may not any more.
      row.chunks = [];
      row.shared = false;
      row.status = { ...row.status, offset: 0 };
    }
    const { expected, offset, total } = row.status;
    const bytes = expected && this.#place.shared(expected);
    if (bytes === undefined || offset > 0 || (total ?? bytes.byteLength) !== bytes.byteLength) return;
    row.chunks = [bytes];
    row.shared = true;
    row.status = { ...row.status, offset: bytes.byteLength };
  }
}

class MemoryIngest implements Ingest {
  readonly #row: IngestRow;
  readonly #namespace: Namespace;
  readonly #commit: Commit;
  readonly #writer = { since: new Date() };
  readonly #algorithm: Algorithm;
  #hasher: Hasher;

  constructor(row: IngestRow, namespace: Namespace, commit: Commit) {
    this.#row = row;
    this.#namespace = namespace;
    this.#commit = commit;
    const { expected } = row.status;
    this.#algorithm = expected === undefined ? 'sha256' : algorithmOf(expected);
    this.#hasher = hasherOf(this.#algorithm, row.chunks);
    row.writer = this.#writer;
  }

  get status() {
    return { ...this.#row.status, digest: this.#hasher.soFar() };
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#requireOpen();
    const copy = Uint8Array.from(bytes);
    this.#row.chunks.push(copy);
    this.#hasher.update(copy);
    this.#moveTo(this.#row.status.offset + copy.byteLength);
  }

  async truncate(): Promise<void> {
    this.#requireOpen();
    this.#row.chunks = [];
    this.#hasher = createHasher(this.#algorithm);
    this.#moveTo(0);
  }

  async commit(options: CommitOptions = {}): Promise<Stored> {
    this.#requireOpen();
    try {
      options.signal?.throwIfAborted();
      const { ref, total, expected } = this.#row.status;
      const { labels = {}, size = total, expect = expected } = options;
      checkLabels(labels, `ingest ${JSON.stringify(ref)}`);
      checkSize(this.#row.status, size);
      const algorithm = expect === undefined ? this.#algorithm : algorithmOf(expect);
      const digest = hasherOf(algorithm, this.#row.chunks).digest();
      checkDigest(ref, digest, expect);
      const stored = this.#commit(digest, Buffer.concat(this.#row.chunks), labels);
      forget(this.#namespace, ref);
      return { ...stored, existed: stored.existed || (this.#row.shared && digest === expected) };
    } finally {
      await this.close();
    }
  }

  async close(): Promise<void> {
    if (this.#row.writer === this.#writer) this.#row.writer = undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #moveTo(offset: number): void {
    this.#row.shared = false;
    this.#row.status = { ...this.#row.status, offset, updatedAt: new Date() };
  }

  #requireOpen(): void {
    const { ref } = this.#row.status;
    if (this.#row.writer !== this.#writer) throw ingestClosed(ref);
    if (this.#namespace.ingests.get(ref) !== this.#row) throw ingestAborted(ref);
  }
}

function hasherOf(algorithm: Algorithm, chunks: readonly Uint8Array[]): Hasher {
  const hasher = createHasher(algorithm);
  for (const chunk of chunks) hasher.update(chunk);
  return hasher;
}

/** False if there was none. */
function forget(namespace: Namespace, ref: string): boolean {
  if (!namespace.ingests.delete(ref)) return false;
  releaseFromLeases(namespace, { type: 'ingests', id: ref });
  return true;
}
