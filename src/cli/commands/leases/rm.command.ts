import { argument, defineCommand, ignoredSwitch } from '../../command.js';
import { noGcFlag } from '../../no-gc-flag.js';
import type { LeasesRemoveFlags } from './rm.js';

export const leasesRemove = defineCommand<LeasesRemoveFlags, string[]>({
  help: {
    path: 'leases rm',
    brief: 'Remove leases, and what only they kept',
    usage: ['[flags] <id>...'],
    about: [
      'Prints each lease it removed, and stops at the first that is not there. Work that goes on under a removed lease fails.',
    ],
    arguments: [['<id>', 'Identifiers of leases']],
    examples: [
      ['leases rm nightly', 'one'],
      ['leases ls -q labels.team==web | xargs -r stowage leases rm', 'all with a label'],
    ],
    json: '{ removed: string[]; freedBytes: number }',
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('id'), minimum: 1 },
    flags: { noGc: noGcFlag, sync: ignoredSwitch },
  },
  loader: () => import('./rm.js'),
});
