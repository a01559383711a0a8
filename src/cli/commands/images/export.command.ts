import {
  argument,
  defineCommand,
  enumFlag,
  ignoredSwitch,
  repeatableFlag,
  switchFlag,
  valueFlag,
} from '../../command.js';
import type { ExportFlags } from './export.js';

export const imagesExport = defineCommand<ExportFlags, string[]>({
  help: {
    path: 'images export',
    shortcuts: ['export', 'i export'],
    brief: 'Export images as an archive or a directory',
    usage: ['[flags] <out> <image>...', '[flags] <directory>/ <image>...'],
    about: [
      'Writes one tar that is both an OCI image layout and what docker load reads. The same images give the same bytes, everywhere and always. By default it holds every platform that is complete in the store.',
      'What else the image lists is told as absent. An index keeps its digest, whatever is left out, unless --reduce-index says otherwise.',
      'Where <out> ends in a slash or is a directory, images are added to the OCI image layout in it, which is made if there is none. It keeps what it lists; a name it has already moves. Signatures and whatever else refers to an image go with it; into a tar only with --referrers, because some tools read only tars with one entry.',
      'A file is replaced only when the archive is complete; to a pipe, an archive that failed never looks whole.',
    ],
    arguments: [
      ['<out>', 'The file to write, or a directory; - is standard output'],
      ['<image>', 'Names of images'],
    ],
    examples: [
      ['images export busybox.tar docker.io/library/busybox:latest', 'one image'],
      ['images export both.tar foo/one:latest foo/two:latest', 'several in one archive'],
      ['images export --platform linux/arm64 arm.tar busybox', 'one platform of it'],
      ['images export layout/ foo/one:latest foo/two:latest', 'into an OCI image layout'],
      ['images export --compress zstd busybox.tar.zst busybox', 'compressed'],
      ['images export --format docker busybox.tar busybox', 'for a Docker of any age'],
      ['images export - busybox | ctr images import -', 'straight into something else'],
    ],
    json: `{
  images: {
    name: string;
    /** What the name points to in the archive. */
    target: { mediaType: string; digest: string; size: number; annotations?: Record<string, string> };
    /** The digest it has in the store, if --reduce-index changed it. */
    reducedFrom?: string;
    platforms: {
      platform?: string;
      digest: string;
      /** Damaged: exported with --skip-missing, and not complete. */
      state: 'complete' | 'damaged' | 'absent' | 'left-out';
    }[];
    /** Digests of blobs that --skip-missing passed over. */
    missing: string[];
    /** Whether --skip-missing passed the whole image over. */
    leftOut: boolean;
    /** Digests of what refers to it and was exported with it. */
    referrers: string[];
    /** What a directory had under this name, if that was something else. */
    previous?: string;
  }[];
  blobs: number;
  /** Of the archive, in bytes; for a directory, of the blobs. */
  size: number;
  /** How many of the blobs a directory had already. */
  existed?: number;
}`,
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('image'), minimum: 2 },
    flags: {
      platform: repeatableFlag(
        'OS/ARCH',
        'Export this platform only, and fail if it is not complete; repeatable',
      ),
      allPlatforms: switchFlag('Fail unless every platform is complete'),
      require: valueFlag(
        'WHICH',
        'Platforms that must be complete: all, present (the default: all that are not absent), or a list with commas',
      ),
      skipMissing: switchFlag('Export what is there of images that are damaged, and say what is missing'),
      reduceIndex: switchFlag(
        'Rewrite indexes to list only what is exported; the image gets a new digest by that',
      ),
      format: enumFlag(
        ['hybrid', 'oci', 'docker'],
        'FORMAT',
        'hybrid (default): OCI layout and manifest.json; oci: without manifest.json; docker: only what docker load reads since Docker 1.10, one platform an image',
      ),
      compress: enumFlag(['gzip', 'zstd'], 'WITH', 'Compress the whole archive, with gzip or zstd'),
      skipManifestJson: switchFlag(
        'Leave out the manifest.json that docker load reads, as --format oci does',
      ),
      referrers: switchFlag('Export what refers to the images as well, also into a tar'),
      noReferrers: switchFlag('Leave that out, also of a directory'),
      skipNonDistributable: switchFlag('Leave out layers that may not be distributed'),
      ociRefName: valueFlag('NAME', 'What the archive calls the image (default its tag); for one image'),
      manifest: valueFlag('DIGEST', 'Export this manifest, under the name <image>'),
      manifestType: valueFlag(
        'TYPE',
        'Media type of --manifest (default application/vnd.oci.image.manifest.v1+json)',
      ),
      local: ignoredSwitch,
    },
  },
  loader: () => import('./export.js'),
});
