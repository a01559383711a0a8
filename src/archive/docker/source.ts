import { StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import { chunksOf } from '../../io/byte-source.js';
import { readAll } from '../../io/limit.js';
import type { ImageConfig } from '../../oci/image-config.js';
import { MANIFEST_LIMIT } from '../../oci/json.js';
import type { ArchiveFile } from '../layout/archive-file.js';
import { quote } from '../tar/text.js';
import type { EntryNames } from './entry-names.js';
import type { DockerLayer, LayerPart } from './layer.js';

/** An image of a Docker archive, all of whose parts were found. */
export interface DockerImage {
  readonly config: ImageConfig;
  /** The base first. */
  readonly layers: readonly DockerLayer[];
  /** As they stand in the archive. */
  readonly repoTags: readonly string[];
}

/** An image whose parts were found, and whose layers were not looked at. */
export interface DockerDraft extends Omit<DockerImage, 'layers'> {
  /** The base first. */
  readonly parts: readonly LayerPart[];
}

/** What is needed to find the parts of images. */
export interface DockerSource {
  /** How messages name the archive. */
  readonly what: string;
  readonly names: EntryNames;
  /** Whether the tar ended as a tar should. */
  readonly endMarked: boolean;
  readonly layers: {
    measureAll(parts: readonly Omit<LayerPart, 'diffId'>[]): Promise<readonly DockerLayer[]>;
  };
  readonly options: CallOptions;
}

/** @throws {StowageError} INVALID if the archive has no such file. */
export function findPart({ what, names, endMarked }: DockerSource, path: string, part: string): ArchiveFile {
  const file = names.find(path);
  if (file !== undefined) return file;
  throw new StowageError(
    'INVALID',
    endMarked
      ? `Cannot import ${what}: ${part} ${quote(path)} not found`
      : `Cannot import ${what}: it is cut off: it has no end mark, and lacks ${part} ${quote(path)}`,
    {
      detail: { entry: path },
      hint: endMarked ? 'the archive is incomplete; make it again' : 'copy or download the archive again',
    },
  );
}

/**
 * A small file of the archive, as a whole.
 *
 * @throws {StowageError} INVALID if the archive has no such file, or two of that name that differ, of which readers would
 *   take one or the other; LIMIT_EXCEEDED if it has more than MANIFEST_LIMIT bytes.
 */
export async function readPart(source: DockerSource, path: string, part: string): Promise<Uint8Array> {
  const file = findPart(source, path, part);
  const read = (from: ArchiveFile) =>
    readAll(chunksOf(from.open(), source.options), {
      limit: MANIFEST_LIMIT,
      what: `${part} ${quote(path)} of ${source.what}`,
    });
  const bytes = await read(file);
  for (const other of source.names.replacedBy(file)) {
    if (Buffer.compare(await read(other), bytes) === 0) continue;
    throw new StowageError(
      'INVALID',
      `Cannot import ${source.what}: it has ${part} ${quote(path)} twice, with different content`,
      { detail: { entry: path }, hint: 'tools would disagree about what it holds; make the archive again' },
    );
  }
  return bytes;
}
