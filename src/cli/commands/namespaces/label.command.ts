import { argument, defineCommand } from '../../command.js';

export const namespacesLabel = defineCommand<{}, string[]>({
  help: {
    path: 'namespaces label',
    shortcuts: ['ns label'],
    brief: 'Set, clear and show labels of a namespace',
    usage: ['<name> [<key>=<value>...]'],
    about: [
      '<key> alone means <key>=true, and <key>= takes the label away. Prints all labels the namespace has then, sorted, on one line.',
    ],
    arguments: [
      ['<name>', 'Name of a namespace'],
      ['<key>=<value>', 'Labels to change; with none they are shown'],
    ],
    examples: [
      ['namespaces label team-a owner=web keep', 'set two'],
      ['namespaces label team-a keep=', 'take one away'],
    ],
    json: '{ name: string; labels: Record<string, string> }',
  },
  parameters: { positional: { kind: 'array', parameter: argument('name'), minimum: 1 } },
  loader: () => import('./label.js'),
});
