import { argument, defineCommand, ignoredValue, switchFlag } from '../../command.js';
import { FILTER_HELP } from '../../filter-help.js';
import type { CheckFlags } from './check.js';

export const imagesCheck = defineCommand<CheckFlags, string[]>({
  help: {
    path: 'images check',
    shortcuts: ['check', 'i check'],
    brief: 'Say which images are all there, platform by platform',
    usage: ['[flags] [<filter>...]'],
    about: [
      'STATUS and SIZE are of configurations and layers: how many and how much is there, of what the manifests that are there need. A platform whose manifest is not there is missing, which does not make an image incomplete: imports and pulls of some platforms leave the others out.',
      'Where ctr says UNPACKED there is PLATFORMS: nothing is unpacked here. Files are looked at, and manifests read; fsck reads the rest.',
      'The exit status is 1 if an image listed is not complete. (ctr exits with 0.)',
      `${FILTER_HELP} Fields: name, target.digest, target.mediatype, labels, annotations.`,
    ],
    arguments: [['<filter>', 'Check only images that match this, or another filter given']],
    examples: [
      ['images check', 'all of them'],
      ['images check -q', 'names of complete ones, for scripts'],
      ['images check name==docker.io/library/busybox:latest', 'one'],
    ],
    json: `{
  name: string;
  target: { mediaType: string; digest: string; size: number; annotations?: Record<string, string> };
  status: 'complete' | 'incomplete' | 'unavailable' | 'error';
  /** Configurations and layers that the manifests that are there need, and those of them that are there. */
  required: { blobs: number; bytes: number };
  present: { blobs: number; bytes: number };
  platforms: {
    /** Absent for artifacts. */
    platform?: string;
    digest: string;
    state: 'complete' | 'incomplete' | 'missing';
    missing: { mediaType: string; digest: string; size: number }[];
  }[];
  /** Of status error. */
  error?: { code: string; message: string };
}[]`,
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('filter') },
    flags: {
      quiet: switchFlag('Print names of complete images only'),
      snapshotter: ignoredValue,
    },
    aliases: { q: 'quiet' },
  },
  loader: () => import('./check.js'),
});
