import { argument, defineCommand, ignoredSwitch } from '../../command.js';
import type { NamespacesRemoveFlags } from './rm.js';

export const namespacesRemove = defineCommand<NamespacesRemoveFlags, string[]>({
  help: {
    path: 'namespaces rm',
    shortcuts: ['ns remove'],
    brief: 'Remove empty namespaces',
    usage: ['<name>...'],
    about: [
      'Only a namespace without images and blobs can be removed; its leases and unfinished writes go with it. Prints each name that is gone, also one that was not there, as ctr does.',
    ],
    arguments: [['<name>', 'Names of namespaces']],
    examples: [
      ['namespaces rm team-a', 'one'],
      [
        '-n team-a images ls -q | xargs -r stowage -n team-a images rm',
        'empty it first: its images, and with them what only they kept',
      ],
    ],
    json: '{ removed: string[] }',
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('name'), minimum: 1 },
    flags: { cgroup: ignoredSwitch },
    aliases: { c: 'cgroup' },
  },
  loader: () => import('./rm.js'),
});
