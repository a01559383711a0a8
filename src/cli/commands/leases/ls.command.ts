import { argument, defineCommand, switchFlag } from '../../command.js';
import { FILTER_HELP } from '../../filter-help.js';
import type { LeasesListFlags } from './ls.js';

export const leasesList = defineCommand<LeasesListFlags, string[]>({
  help: {
    path: 'leases ls',
    brief: 'List leases',
    usage: ['[flags] [<filter>...]'],
    about: [
      'When a lease expires is shown as its label containerd.io/gc.expire; one that has expired is not listed.',
      `${FILTER_HELP} Fields: id, labels.`,
    ],
    arguments: [['<filter>', 'Show only leases that match this, or another filter given']],
    examples: [
      ['leases ls', 'all of them'],
      ['leases ls -q', 'identifiers only, for scripts'],
    ],
    json: `{
  id: string;
  labels: Record<string, string>;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** Left out if it never does. */
  expiresAt?: string;
  /** Digests of content, names of images and references of unfinished writes it keeps. */
  resources: { type: 'content' | 'images' | 'ingests'; id: string }[];
}[]`,
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('filter') },
    flags: { quiet: switchFlag('Print identifiers only') },
    aliases: { q: 'quiet' },
  },
  loader: () => import('./ls.js'),
});
