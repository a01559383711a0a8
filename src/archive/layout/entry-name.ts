import { StowageError } from '../../errors.js';
import { algorithmOf, encodedOf, isAlgorithm, isDigest, type Digest } from '../../oci/digest.js';
import { quote } from '../tar/text.js';

/**
 * What an entry of an image archive is, by its name alone. Names are only ever compared with this grammar; none
 * becomes a path. `other` is anything an image layout does not speak of, which is passed over.
 */
export type EntryRole =
  | { readonly role: 'oci-layout' | 'index' | 'docker-manifest' | 'docker-repositories' | 'other' }
  | { readonly role: 'blob'; readonly digest: Digest };

const DOCUMENTS: ReadonlyMap<string, Exclude<EntryRole['role'], 'blob'>> = new Map([
  ['oci-layout', 'oci-layout'],
  ['index.json', 'index'],
  ['manifest.json', 'docker-manifest'],
  ['repositories', 'docker-repositories'],
]);

/** What a Mac adds to folders and to the tars it makes of them. */
const LEFT_BY_MACOS = /\/(?:\._[^/]*|\.DS_Store)$/;

/**
 * Classifies the name of a regular entry (image-spec image-layout.md). Leading `./` are ignored.
 *
 * @throws {StowageError} INVALID for a name below `blobs/` that is not `blobs/<algorithm>/<encoded>` with an encoded
 *   part its algorithm allows; UNSUPPORTED for an algorithm that is not computed here.
 */
export function roleOf(entryName: string, archive: string): EntryRole {
  const name = entryName.replace(/^(?:\.\/+)+/, '');
  const document = DOCUMENTS.get(name);
  if (document !== undefined) return { role: document };
  if (name !== 'blobs' && !name.startsWith('blobs/')) return { role: 'other' };
  if (LEFT_BY_MACOS.test(name)) return { role: 'other' };

  const parts = name.split('/');
  const [, algorithm, encoded] = parts;
  if (parts.length !== 3 || algorithm === undefined || encoded === undefined) {
    throw refused(
      'INVALID',
      entryName,
      archive,
      'unexpected name, blobs are named "blobs/<algorithm>/<digest>"',
    );
  }
  if (!isAlgorithm(algorithm)) {
    throw refused(
      'UNSUPPORTED',
      entryName,
      archive,
      `unsupported algorithm ${quote(algorithm)}, known are sha256 and sha512`,
    );
  }
  const digest = `${algorithm}:${encoded}`;
  if (!isDigest(digest)) {
    throw refused(
      'INVALID',
      entryName,
      archive,
      `unexpected name, its last part is not a ${algorithm} digest`,
    );
  }
  return { role: 'blob', digest };
}

/** The name of the entry that holds a blob. */
export function blobPath(digest: Digest): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`;
}

function refused(
  code: 'INVALID' | 'UNSUPPORTED',
  entry: string,
  archive: string,
  reason: string,
): StowageError {
  return new StowageError(code, `Cannot import ${archive}: entry ${quote(entry)}: ${reason}`, {
    detail: { entry },
    hint: 'the archive was damaged, or made by a tool that does not follow the OCI image layout',
  });
}
