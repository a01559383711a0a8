import { argument, defineCommand, valueFlag } from '../../command.js';
import { parseDuration } from '../../duration.js';
import type { LeasesCreateFlags } from './create.js';

export const leasesCreate = defineCommand<LeasesCreateFlags, string[]>({
  help: {
    path: 'leases create',
    brief: 'Make a lease that keeps content for a while',
    usage: ['[flags] [<label>=<value>...]'],
    about: [
      'Prints its identifier. The lease lasts until it is removed or expires; what is put under it stays as long, whether or not a name points to it. With the label containerd.io/gc.flat=1 it keeps what it lists without what that refers to.',
    ],
    arguments: [['<label>=<value>', 'Labels of the lease']],
    examples: [
      ['leases create', 'one of a day'],
      ['leases create --id nightly --expires 12h team=web', 'with a name, a time and a label'],
      ['leases create -x 0', 'one that never expires by itself'],
    ],
    json: '{ id: string; labels: Record<string, string>; createdAt: string; expiresAt?: string }',
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('label') },
    flags: {
      id: valueFlag('ID', 'Identifier, instead of a made-up one'),
      expires: {
        kind: 'parsed',
        parse: parseDuration,
        optional: true,
        placeholder: 'DURATION',
        brief: 'Until it expires, such as 90s, 1h30m; 0 is never (default 24h)',
      },
    },
    aliases: { x: 'expires' },
  },
  loader: () => import('./create.js'),
});
