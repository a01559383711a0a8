import { defineCommand, switchFlag } from '../command.js';
import type { GcFlags } from './gc.js';

export const gc = defineCommand<GcFlags, []>({
  help: {
    path: 'gc',
    brief: 'Remove content that nothing refers to',
    usage: ['[flags]'],
    about: [
      'Images keep their content, and so do leases, writes in progress and content labelled containerd.io/gc.root; everything else goes, in all namespaces, and so does what processes that died left behind. Others may go on using the store meanwhile: nothing they use is removed.',
      'Removals of images collect by themselves; this finds the rest, too: unfinished imports are not continued after it but begun anew.',
      'What cannot be removed is reported, the rest is removed, and the exit status is that of the failure.',
    ],
    examples: [
      ['gc --dry-run', 'what would go, and why the rest stays'],
      ['gc', 'remove it'],
      ['gc --json | jq .freedBytes', 'in a script'],
    ],
    json: `{
  /** Nothing was removed: this is what would be. */
  dryRun: boolean;
  removed: {
    /** Records; images and leases that expired, content that nothing refers to, unfinished writes. */
    images: { namespace: string; id: string }[];
    leases: { namespace: string; id: string }[];
    ingests: { namespace: string; id: string; size: number }[];
    content: { namespace: string; id: string }[];
    /** Bytes on the disk: content that no namespace holds any more. */
    blobs: { digest: string; size: number }[];
  };
  freedBytes: number;
  /** How many could not be removed. */
  failed: number;
  kept: {
    blobs: number;
    bytes: number;
    /** Each blob once: by an image, else by a lease, else by an unfinished write, else by a label. */
    by: {
      root: 'image' | 'lease' | 'ingest' | 'label';
      lease?: { namespace: string; id: string };
      blobs: number;
      bytes: number;
    }[];
  };
}`,
  },
  parameters: { flags: { dryRun: switchFlag('Say what would be removed, and remove nothing') } },
  loader: () => import('./gc.js'),
});
