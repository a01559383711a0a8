import { argument, defineCommand } from '../../command.js';

export const contentLabel = defineCommand<{}, string[]>({
  help: {
    path: 'content label',
    brief: 'Set, clear and show labels of a blob',
    usage: ['<digest> [<key>=<value>...]'],
    about: [
      '<key> alone means <key>=true, and <key>= takes the label away. Prints all labels the blob has then, sorted, on one line. Labels that begin with containerd.io/gc. decide what keeps what.',
    ],
    arguments: [
      ['<digest>', 'A digest as content ls shows it, such as sha256:...'],
      ['<key>=<value>', 'Labels to change; with none they are shown'],
    ],
    examples: [
      ['content label sha256:3c1d... team=web', 'set one'],
      ['content label sha256:3c1d... team=', 'take it away'],
      ['content label sha256:3c1d... containerd.io/gc.root=mine', 'keep a blob that nothing refers to'],
    ],
    json: '{ digest: string; labels: Record<string, string> }',
  },
  parameters: { positional: { kind: 'array', parameter: argument('digest'), minimum: 1 } },
  loader: () => import('./label.js'),
});
