import { argument, defineCommand } from '../../command.js';

export const namespacesCreate = defineCommand<{}, string[]>({
  help: {
    path: 'namespaces create',
    shortcuts: ['ns c'],
    brief: 'Create a namespace',
    usage: ['<name> [<key>=<value>...]'],
    about: [
      'A namespace also comes into being with the first thing that is written into it. Prints nothing.',
      '<key> alone means <key>=true.',
    ],
    arguments: [
      ['<name>', 'Letters and digits, with single ".", "_" or "-" between them'],
      ['<key>=<value>', 'Labels it gets'],
    ],
    examples: [
      ['namespaces create team-a', 'one without labels'],
      ['namespaces create team-a owner=web', 'one with a label'],
    ],
    json: '{ name: string; labels: Record<string, string> }',
  },
  parameters: { positional: { kind: 'array', parameter: argument('name'), minimum: 1 } },
  loader: () => import('./create.js'),
});
