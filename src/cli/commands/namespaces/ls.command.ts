import { defineCommand, switchFlag } from '../../command.js';
import type { NamespacesListFlags } from './ls.js';

export const namespacesList = defineCommand<NamespacesListFlags, []>({
  help: {
    path: 'namespaces ls',
    shortcuts: ['ns ls'],
    brief: 'List namespaces',
    usage: ['[flags]'],
    examples: [
      ['namespaces ls', 'all of them'],
      [
        'namespaces ls -q | xargs -n 1 stowage images ls -n',
        'all images of all namespaces, one list after the other',
      ],
    ],
    json: '{ name: string; labels: Record<string, string> }[]',
  },
  parameters: {
    flags: { quiet: switchFlag('Print names only') },
    aliases: { q: 'quiet' },
  },
  loader: () => import('./ls.js'),
});
