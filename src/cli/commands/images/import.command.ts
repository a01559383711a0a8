import {
  defineCommand,
  ignoredSwitch,
  ignoredValue,
  argument,
  repeatableFlag,
  switchFlag,
  valueFlag,
} from '../../command.js';
import type { ImportFlags } from './import.js';

export const imagesImport = defineCommand<ImportFlags, string[]>({
  help: {
    path: 'images import',
    shortcuts: ['import', 'i import'],
    brief: 'Import images from an archive',
    usage: ['[flags] <ref> <in>', '[flags] <in>'],
    about: [
      'Reads an OCI image layout in a tar file, as ctr, skopeo (oci-archive) and docker save (since version 25) write it. With <ref>, one image of the archive gets that name: the one the archive calls by the tag or digest of <ref>. Without, the names come from the archive.',
      'Prints the name and the digest of each image. A name that exists already moves to the new image, and a line says so; --on-conflict says otherwise. Nothing is named unless everything an image needs is there.',
    ],
    arguments: [
      ['<ref>', 'Name for one image of the archive, such as foo/new:latest'],
      ['<in>', 'The archive; - is standard input'],
    ],
    examples: [
      ['images import busybox.tar', 'take the names from the archive'],
      ['images import foo/new:latest busybox.tar', 'name what the archive calls "latest"'],
      ['images import foo/new:1 --ref-object latest busybox.tar', 'the same under another tag'],
      ['images import --base-name foo/new busybox.tar', 'only tags in the archive: make them foo/new:<tag>'],
      ['images import - < busybox.tar', 'from standard input'],
    ],
    json: `{
  images: {
    name: string;
    target: { mediaType: string; digest: string; size: number; annotations?: Record<string, string> };
    /** What became of the name. */
    outcome: 'created' | 'moved' | 'unchanged' | 'skipped';
    /** The digest it had before, if it moved or was skipped. */
    previous?: string;
    /** Whether the archive had no name for it, so that "<base>@<digest>" was made up. */
    unnamed: boolean;
    platforms: { platform?: string; digest: string; state: 'complete' | 'absent' | 'left-out' }[];
  }[];
  blobs: { written: number; existed: number };
  /** Sizes of those blobs, in bytes. */
  bytes: { written: number; existed: number };
}`,
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('in'), minimum: 1, maximum: 2 },
    flags: {
      refObject: valueFlag(
        'OBJECT',
        'With <ref>: tag, digest or full name of the image in the archive, where <ref> does not say it',
      ),
      baseName: valueFlag(
        'NAME',
        'Repository for images that have only a tag, or no name, in the archive; others are left out (default import-YYYY-MM-DD, and then none is)',
      ),
      digests: switchFlag('Name every image <base>@<digest> as well'),
      skipDigestForNamed: switchFlag('With --digests: only those without another name'),
      indexName: valueFlag('NAME', "Name the archive's own index as one image"),
      label: repeatableFlag('KEY=VALUE', 'Set a label on every name that is written; repeatable'),
      platform: repeatableFlag(
        'OS/ARCH',
        'Import this platform only, and fail if it is not complete; repeatable',
      ),
      allPlatforms: switchFlag('Fail unless every platform is complete'),
      onConflict: {
        kind: 'enum',
        values: ['error', 'move', 'skip'],
        optional: true,
        placeholder: 'POLICY',
        brief:
          'For names from the archive that exist with another digest: error, move or skip (default move)',
      },
      allBlobs: switchFlag('Keep blobs that no image refers to as well'),
      noUnpack: ignoredSwitch,
      local: ignoredSwitch,
      syncFs: ignoredSwitch,
      discardUnpackedLayers: ignoredSwitch,
      snapshotter: ignoredValue,
    },
  },
  loader: () => import('./import.js'),
});
