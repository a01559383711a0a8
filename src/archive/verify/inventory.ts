import type { ByteSource, FileSlice } from '../../io/byte-source.js';
import { readAll } from '../../io/limit.js';
import { isStowageError } from '../../errors.js';
import type { Digest } from '../../oci/digest.js';
import { JSON_LIMIT } from '../../oci/json.js';
import { EntryNames } from '../docker/entry-names.js';
import type { ArchiveFile } from '../layout/archive-file.js';
import { roleOf, type EntryRole } from '../layout/entry-name.js';
import { quote } from '../tar/text.js';
import type { Findings } from './findings.js';
import type { Severity } from './report.js';
import type { Observed } from './observe.js';

export type DocumentRole = Exclude<EntryRole['role'], 'blob' | 'other'>;

/** A regular file of an archive, and what reading it told, once it was read. */
export interface FoundFile extends ArchiveFile {
  readonly entry: string;
  /** Lends its bytes as a stretch of a file, where they lie in one; nobody uses it once `use` has settled. */
  readonly lend?: (<T>(use: (slice: FileSlice) => Promise<T>) => Promise<T>) | undefined;
  observed: Observed | undefined;
}

/** Blobs that are remembered. An image has ten or so for each platform. */
const BLOB_LIMIT = 200_000;

/** Files and links that are neither blobs nor documents and are remembered: Docker's archives have three a layer. */
const OTHER_LIMIT = 50_000;

/** Bytes of documents that are read in all, however often the same ones are referred to. */
const READ_LIMIT = 2 ** 29;

/**
 * What an archive has, by name, however it is stored. What is wrong with names becomes a finding; nothing is refused.
 */
export class Inventory {
  /** How messages name the archive. */
  readonly what: string;
  readonly findings: Findings;
  readonly documents = new Map<DocumentRole, Uint8Array>();
  /** Documents that are there, readable or not. */
  readonly present = new Set<DocumentRole>();
  readonly blobs = new Map<Digest, FoundFile>();
  /** Everything by name, with its links, as Docker's archives refer to it. */
  readonly names: EntryNames;
  /** Those of the names that are neither blobs nor documents. */
  readonly others: FoundFile[] = [];
  /** Whether nothing is missing at the end of the archive, as far as its form tells. */
  endMarked = true;
  /** Whether the archive ends before its end, or cannot be read to it. */
  cutOff = false;
  #others = 0;
  #read = 0;

  constructor(what: string, findings: Findings) {
    this.what = what;
    this.findings = findings;
    this.names = new EntryNames(what);
  }

  /**
   * What an entry is by its name; undefined, with a finding, for a name that no image archive has. In a folder other
   * programs leave things of their own.
   */
  roleOf(entry: string, severity: Severity = 'error'): EntryRole | undefined {
    try {
      return roleOf(entry, this.what);
    } catch (error) {
      if (!isStowageError(error)) throw error;
      const reason = error.message.slice(error.message.lastIndexOf(': ') + 2);
      this.findings.add({
        severity,
        code: 'archive-entry',
        where: entry,
        message: reason,
        ...(error.hint === undefined ? {} : { hint: error.hint }),
      });
      return undefined;
    }
  }

  addBlob(digest: Digest, file: FoundFile): void {
    if (this.blobs.size >= BLOB_LIMIT) {
      this.#leaveOut('error', `there are more than ${BLOB_LIMIT} blobs, the others are passed over`);
      return;
    }
    if (this.blobs.has(digest)) {
      this.findings.add({
        severity: 'note',
        code: 'archive-duplicate',
        where: file.entry,
        message: 'the blob stands there twice',
        digest,
      });
    }
    this.blobs.set(digest, file);
    this.names.addFile(file.entry, file);
  }

  addOther(file: FoundFile): void {
    if (!this.#hasRoom()) return;
    this.others.push(file);
    this.names.addFile(file.entry, file);
  }

  addLink(entry: string, target: string, type: 'symlink' | 'hard-link'): void {
    if (this.#hasRoom()) this.names.addLink(entry, target, type);
  }

  #hasRoom(): boolean {
    this.#others += 1;
    if (this.#others <= OTHER_LIMIT) return true;
    const what = `there are more than ${OTHER_LIMIT} files that no image layout speaks of`;
    this.#leaveOut('note', `${what}, the others are passed over`);
    return false;
  }

  #leaveOut(severity: Severity, message: string): void {
    this.findings.add({ severity, code: 'archive-limit', where: this.what, message });
  }

  /** Takes a document in. Twice is harmless only if the bytes are the same: else two tools see two archives. */
  async addDocument(role: DocumentRole, entry: string, size: number, body: ByteSource): Promise<void> {
    const seen = this.present.has(role);
    this.present.add(role);
    if (size > JSON_LIMIT) {
      this.findings.add({
        severity: 'error',
        code: 'document-invalid',
        where: entry,
        message: `it has ${size} bytes, at most ${JSON_LIMIT} are accepted`,
      });
      return;
    }
    const bytes = new Uint8Array(await readAll(body, { limit: JSON_LIMIT, what: quote(entry) }));
    const other = this.documents.get(role);
    this.documents.set(role, bytes);
    if (!seen) return;
    const same = other !== undefined && Buffer.compare(other, bytes) === 0;
    this.findings.add({
      severity: same ? 'note' : 'error',
      code: 'archive-duplicate',
      where: entry,
      message: same ? 'it stands there twice' : 'it stands there twice, with different content',
      ...(same ? {} : { hint: 'tools would disagree about what the archive holds; make it again' }),
    });
  }

  /** To be told of a blob or file that is neither a regular file nor a link within the archive. */
  addOddEntry(entry: string, type: string): void {
    this.findings.add({
      severity: 'error',
      code: 'archive-entry',
      where: entry,
      message: `it is ${type}, not a regular file`,
    });
  }

  /**
   * The bytes of a small file that was observed, or undefined if they were not kept, or more than enough was read
   * already.
   */
  async bytesOf(file: FoundFile, limit: number): Promise<Uint8Array | undefined> {
    this.#read += file.size;
    if (this.#read > READ_LIMIT) return undefined;
    if (file.observed?.bytes !== undefined) return file.observed.bytes;
    const source = file.open();
    return source === NOT_KEPT ? undefined : readAll(source, { limit, what: quote(file.entry) });
  }
}

/** Why {@link Inventory.bytesOf} has no bytes. */
export const NO_BYTES = 'it does not begin like a document, or there are too many documents to be read';

/** What a file of a stream is when it was not kept: gone. */
export const NOT_KEPT: ByteSource = new Uint8Array(0);
