import { StowageError } from '../../errors.js';
import { readAll, tooLarge } from '../../io/limit.js';
import type { ByteSource } from '../../io/byte-source.js';
import { digestOf } from '../../io/hash.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { JSON_LIMIT } from '../../oci/json.js';
import { parseOciLayout } from '../../oci/layout.js';
import { parseDocument, type ImageIndex } from '../../oci/manifest.js';
import { OCI_INDEX } from '../../oci/media-type.js';
import type { EntryRole } from './entry-name.js';

type DocumentRole = Exclude<EntryRole['role'], 'blob' | 'other'>;

const NAMES: Readonly<Record<DocumentRole, string>> = {
  'oci-layout': 'oci-layout',
  index: 'index.json',
  'docker-manifest': 'manifest.json',
  'docker-repositories': 'repositories',
};

/**
 * Collects the documents of an image layout as an archive is walked through, in whatever order they come. The same
 * document twice is harmless if its bytes are the same; if they differ, two readers could see two different archives,
 * so it is refused.
 */
export class LayoutDocuments {
  readonly #archive: string;
  readonly #seen = new Map<DocumentRole, Uint8Array>();

  constructor(archive: string) {
    this.#archive = archive;
  }

  /**
   * Takes one document. `oci-layout` is checked here; the index when the archive is through.
   *
   * @throws {StowageError} LIMIT_EXCEEDED for more than JSON_LIMIT bytes; INVALID if another one of that name differs;
   *   UNSUPPORTED for a layout version that is not known.
   */
  async accept(role: DocumentRole, size: number, body: ByteSource): Promise<void> {
    const what = this.#nameOf(role);
    if (size > JSON_LIMIT) throw tooLarge({ limit: JSON_LIMIT, what }, size);
    const bytes = await readAll(body, { limit: JSON_LIMIT, what });
    const other = this.#seen.get(role);
    if (other !== undefined && Buffer.compare(other, bytes) !== 0) {
      throw new StowageError(
        'INVALID',
        `Cannot import ${this.#archive}: it has ${JSON.stringify(NAMES[role])} twice, with different content`,
        {
          detail: { entry: NAMES[role] },
          hint: 'tools would disagree about what it holds; make the archive again',
        },
      );
    }
    if (role === 'oci-layout') parseOciLayout(bytes, what);
    this.#seen.set(role, bytes);
  }

  /** The index as soon as it has come. @throws {StowageError} INVALID if it is not an image index. */
  index(): ArchiveIndex | undefined {
    const raw = this.#seen.get('index');
    if (raw === undefined) return undefined;
    const index = parseDocument(raw, OCI_INDEX, this.#nameOf('index'), { limit: JSON_LIMIT });
    if (index.kind !== 'index')
      throw new TypeError('parseDocument answered another kind than it was asked for');
    return {
      index,
      descriptor: { mediaType: OCI_INDEX, digest: digestOf(raw), size: raw.byteLength },
    };
  }

  /**
   * @param endMarked whether the tar, if it is through, ended as a tar should.
   * @throws {StowageError} INVALID or UNSUPPORTED if there is no index, saying what the archive is instead.
   */
  requireIndex(endMarked = true): ArchiveIndex {
    const found = this.index();
    if (found !== undefined) return found;
    const isDocker = this.#seen.has('docker-manifest') || this.#seen.has('docker-repositories');
    if (!endMarked && !isDocker) {
      throw this.#refused(
        'INVALID',
        'it is cut off: it has no end mark, and no index.json',
        'copy or download the archive again',
      );
    }
    if (this.#seen.has('oci-layout')) {
      throw this.#refused(
        'INVALID',
        'missing index.json in an OCI layout',
        'the archive is incomplete; make it again',
      );
    }
    if (isDocker) {
      throw this.#refused(
        'UNSUPPORTED',
        'it is a Docker archive without an OCI layout, which cannot be read yet',
        'convert it: skopeo copy docker-archive:IN.tar oci-archive:OUT.tar',
      );
    }
    throw this.#refused(
      'INVALID',
      'unrecognized image format, it has no index.json',
      'an image archive has oci-layout, index.json and blobs at its top level',
    );
  }

  #nameOf(role: DocumentRole): string {
    return `${JSON.stringify(NAMES[role])} of ${this.#archive}`;
  }

  #refused(code: 'INVALID' | 'UNSUPPORTED', reason: string, hint: string): StowageError {
    return new StowageError(code, `Cannot import ${this.#archive}: ${reason}`, { hint });
  }
}

/** The index of an archive, and the descriptor of its bytes. */
export interface ArchiveIndex {
  readonly index: ImageIndex;
  readonly descriptor: Descriptor;
}
