import { argument, defineCommand, ignoredValue } from '../../command.js';
import type { UsageFlags } from './usage.js';

export const imagesUsage = defineCommand<UsageFlags, string[]>({
  help: {
    path: 'images usage',
    shortcuts: ['usage', 'i usage'],
    brief: 'Say what images take on the disk, each and together',
    usage: ['[<image>...]'],
    about: [
      'OWN is what only this name keeps: what would be free without it. SHARED is kept by other names as well, of this namespace or another; two names for one image have nothing of their own. Only what is there counts, each blob once, so that the last line is less than the sum where images share.',
      '(ctr images usage is about unpacked snapshots, of which there are none here.)',
    ],
    arguments: [['<image>', 'Names of images; all where none is given']],
    examples: [
      ['images usage', 'all of them, and what they take together'],
      ['images usage busybox', 'one, compared with all others'],
    ],
    json: `{
  /** Bytes. */
  images: { name: string; digest: string; size: number; own: number; shared: number }[];
  /** Of all that are listed, each blob once. */
  total: { size: number; own: number; shared: number };
}`,
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('image') },
    flags: { snapshotter: ignoredValue },
  },
  loader: () => import('./usage.js'),
});
