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
   * Takes one document, and answers its bytes. `oci-layout` is checked here; the index when the archive is through.
   *
   * @throws {StowageError} LIMIT_EXCEEDED for more than JSON_LIMIT bytes; INVALID if another one of that name differs;
   *   UNSUPPORTED for a layout version that is not known.
   */
  async accept(role: DocumentRole, size: number, body: ByteSource): Promise<Uint8Array> {
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
    return bytes;
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
   * Which form the archive has, by the documents that have come. An OCI layout wins over Docker's form, unless its index
   * lists nothing while Docker's does.
   *
   * @param endMarked whether the tar, if it is through, ended as a tar should.
   * @throws {StowageError} INVALID if it is no image archive, saying what it is instead.
   */
  form(endMarked = true): ArchiveForm {
    const found = this.index();
    const manifests = this.#seen.get('docker-manifest');
    const repositories = this.#seen.get('docker-repositories');
    if (found !== undefined && (found.index.manifests.length > 0 || manifests === undefined)) {
      return { kind: 'oci', ...found };
    }
    if (found === undefined && this.#seen.has('oci-layout')) {
      throw endMarked
        ? this.#refused('missing index.json in an OCI layout', 'the archive is incomplete; make it again')
        : this.#cutOff();
    }
    if (manifests !== undefined) return { kind: 'docker', raw: manifests };
    if (repositories !== undefined) return { kind: 'docker-1.0', raw: repositories };
    if (!endMarked) throw this.#cutOff();
    throw this.#refused(
      'unrecognized image format, it has no index.json',
      'an image archive has oci-layout, index.json and blobs at its top level, or manifest.json where Docker made it',
    );
  }

  #nameOf(role: DocumentRole): string {
    return `${JSON.stringify(NAMES[role])} of ${this.#archive}`;
  }

  #cutOff(): StowageError {
    return this.#refused(
      'it is cut off: it has no end mark, and no index.json',
      'copy or download the archive again',
    );
  }

  #refused(reason: string, hint: string): StowageError {
    return new StowageError('INVALID', `Cannot import ${this.#archive}: ${reason}`, { hint });
  }
}

/** The index of an archive, and the descriptor of its bytes. */
export interface ArchiveIndex {
  readonly index: ImageIndex;
  readonly descriptor: Descriptor;
}

/**
 * The form of an archive: an OCI layout; Docker's `manifest.json` (image spec 1.1 and 1.2); or Docker's `repositories`
 * alone, as it was before 2016.
 */
export type ArchiveForm =
  | ({ readonly kind: 'oci' } & ArchiveIndex)
  | { readonly kind: 'docker' | 'docker-1.0'; readonly raw: Uint8Array };
