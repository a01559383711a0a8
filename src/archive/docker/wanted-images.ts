import { digestOf } from '../../io/hash.js';
import type { Digest } from '../../oci/digest.js';
import { JSON_LIMIT } from '../../oci/json.js';
import { parseDocument } from '../../oci/manifest.js';
import { DOCKER_MANIFEST, OCI_INDEX } from '../../oci/media-type.js';
import type { ArchiveFile } from '../layout/archive-file.js';
import type { ArchiveIndex } from '../layout/layout-documents.js';
import { makeIndex } from './manifest.js';
import type { DockerDraft } from './source.js';

/** Which entries of an index are meant, by their digests; nothing if that cannot be told, or everything is. */
export type MeantIn = (found: ArchiveIndex) => ReadonlySet<Digest> | undefined;

/**
 * The images that are meant, before their layers are read, which is what it takes to know the digests of their
 * manifests. Names say it: they are asked for with digests that stand in for those of the manifests, one for each
 * combination of a config and files. Where digests would have a say themselves, all images are.
 */
export function wantedImages(
  drafts: readonly DockerDraft[],
  archive: string,
  meantIn: MeantIn | undefined,
): ReadonlySet<DockerDraft> {
  const everything = new Set(drafts);
  if (meantIn === undefined || drafts.length < 2) return everything;
  const files = new Map<ArchiveFile, number>();
  const numberOf = (file: ArchiveFile) => {
    const number = files.get(file) ?? files.size;
    files.set(file, number);
    return number;
  };
  const standIns = drafts.map(({ config, parts }) => {
    const text = JSON.stringify([digestOf(config.raw), ...parts.map(({ file }) => numberOf(file))]);
    return digestOf(Buffer.from(text));
  });
  const { descriptor, raw } = makeIndex(
    drafts.map(({ config, repoTags }, at) => ({
      manifest: { mediaType: DOCKER_MANIFEST, digest: standIns[at] ?? digestOf(config.raw), size: 0 },
      platform: config,
      repoTags,
    })),
  );
  const index = parseDocument(raw, OCI_INDEX, `the index made up for ${archive}`, { limit: JSON_LIMIT });
  if (index.kind !== 'index')
    throw new TypeError('parseDocument answered another kind than it was asked for');
  const meant = meantIn({ index, descriptor });
  if (meant === undefined || meant.has(descriptor.digest)) return everything;
  return new Set(drafts.filter((_, at) => meant.has(standIns[at] ?? descriptor.digest)));
}
