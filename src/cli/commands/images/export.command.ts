import {
  argument,
  defineCommand,
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
    brief: 'Export images as an archive',
    usage: ['[flags] <out> <image>...'],
    about: [
      'Writes one tar that is both an OCI image layout and what docker load reads. The same images give the same bytes, everywhere and always. By default it holds every platform that is complete in the store.',
      'A file is replaced only when the archive is complete; to a pipe, an archive that failed never looks whole.',
    ],
    arguments: [
      ['<out>', 'The file to write; - is standard output'],
      ['<image>', 'Names of images'],
    ],
    examples: [
      ['images export busybox.tar docker.io/library/busybox:latest', 'one image'],
      ['images export both.tar foo/one:latest foo/two:latest', 'several in one archive'],
      ['images export --platform linux/arm64 arm.tar busybox', 'one platform of it'],
      ['images export - busybox | ctr images import -', 'straight into something else'],
    ],
    json: `{
  images: {
    name: string;
    target: { mediaType: string; digest: string; size: number; annotations?: Record<string, string> };
    platforms: { platform?: string; digest: string; state: 'complete' | 'absent' | 'left-out' }[];
  }[];
  blobs: number;
  /** Of the archive, in bytes. */
  size: number;
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
      skipManifestJson: switchFlag('Leave out the manifest.json that docker load reads'),
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
