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
      'Reads what docker save (of any version), ctr, podman, skopeo, kaniko, jib and others write: an OCI image layout or an archive of Docker, as a tar, plain or compressed by gzip, zstd or xz, or as a folder. With <ref>, one image of the archive gets that name: the one the archive calls by the tag or digest of <ref>. Without, the names come from the archive.',
      'Prints the name and the digest of each image. A name that exists already moves to the new image, and a line says so; --on-conflict says otherwise. Nothing is named unless everything an image needs is there.',
      'Signatures, attestations and bills of materials come along with what they belong to, without names of their own.',
      'With --dry-run nothing is written: it prints what the archive holds, which platforms are complete and what the others lack, what each name points to now, and how much would be written. Its exit status is that of the import. The layers of a file are not read for that.',
    ],
    arguments: [
      ['<ref>', 'Name for one image of the archive, such as foo/new:latest'],
      ['<in>', 'The archive, or a folder; - is standard input'],
    ],
    examples: [
      ['images import busybox.tar', 'take the names from the archive'],
      ['images import foo/new:latest busybox.tar', 'name what the archive calls "latest"'],
      ['images import foo/new:1 --ref-object latest busybox.tar', 'the same under another tag'],
      ['images import --base-name foo/new busybox.tar', 'only tags in the archive: make them foo/new:<tag>'],
      ['images import - < busybox.tar.gz', 'from standard input, compressed or not'],
      ['images import --dry-run busybox.tar', 'only say what it holds and what would happen'],
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
  /** Images that were not imported; only with --keep-going. */
  refused: { name: string; target: object; error: { code: string; message: string; hint?: string } }[];
  /** What hangs on images. Only what is complete was imported. */
  referrers: {
    digest: string;
    subject: string;
    mediaType: string;
    artifactType?: string;
    /** By which it is found, such as "sha256-<hex>.sig". */
    tag?: string;
    state: 'complete' | 'absent' | 'damaged' | 'left-out';
    /** Digests. */
    missing: string[];
    /** With all it refers to, in bytes. */
    size: number;
  }[];
  blobs: { written: number; existed: number };
  /** Sizes of those blobs, in bytes. */
  bytes: { written: number; existed: number };
}

/** With --dry-run: */
{
  images: {
    name: string;
    target: { mediaType: string; digest: string; size: number; annotations?: Record<string, string> };
    /** What would become of the name; with conflict and refused nothing, and error says why. */
    outcome: 'created' | 'moved' | 'unchanged' | 'skipped' | 'conflict' | 'refused';
    /** The digest it has now, unless that would not change; or that of another image that gets the name. */
    previous?: string;
    unnamed: boolean;
    platforms: {
      platform?: string;
      digest: string;
      state: 'complete' | 'absent' | 'damaged' | 'left-out';
      /** Digests. */
      missing: string[];
      /** In bytes, as far as that is known. */
      size: number;
      /** Digests of complete attestations of it. */
      attestations: string[];
    }[];
    error?: { code: string; message: string; hint?: string };
  }[];
  /** As above. */
  referrers: object[];
  write: { blobs: number; bytes: number };
  /** What the store holds of what is needed. */
  held: { blobs: number; bytes: number };
  /** What else the archive has. */
  leftOut: { blobs: number; bytes: number };
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
      allPlatforms: switchFlag('Fail unless every platform is complete: --require all'),
      require: valueFlag(
        'WHICH',
        'Platforms that must be complete: all, present (default: those of which anything is there), or OS/ARCH,OS/ARCH',
      ),
      onConflict: {
        kind: 'enum',
        values: ['error', 'move', 'skip'],
        optional: true,
        placeholder: 'POLICY',
        brief:
          'For names from the archive that exist with another digest: error, move or skip (default move); for one that several of its images have: neither, the last or the first gets it (default error)',
      },
      dryRun: switchFlag('Say what the archive holds and what would happen, and write nothing'),
      keepGoing: switchFlag('Import the sound images of an archive in which others are not, and fail then'),
      allBlobs: switchFlag(
        'Keep blobs that no image refers to as well, as long as one of the imported images stays',
      ),
      compressBlobs: switchFlag('Compress the plain layers of a Docker archive by gzip'),
      noUnpack: ignoredSwitch,
      local: ignoredSwitch,
      syncFs: ignoredSwitch,
      discardUnpackedLayers: ignoredSwitch,
      snapshotter: ignoredValue,
    },
  },
  loader: () => import('./import.js'),
});
