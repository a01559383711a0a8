import { argument, defineCommand, switchFlag } from '../../command.js';
import type { LabelFlags } from './label.js';

export const imagesLabel = defineCommand<LabelFlags, string[]>({
  help: {
    path: 'images label',
    shortcuts: ['label', 'i label'],
    brief: 'Set, clear and show labels of an image',
    usage: ['[flags] <image> [<key>=<value>...]'],
    about: [
      '<key> alone means <key>=true, and <key>= takes the label away. Prints all labels the name has then, sorted, on one line.',
    ],
    arguments: [
      ['<image>', 'Name of an image'],
      ['<key>=<value>', 'Labels to change; with none they are shown'],
    ],
    examples: [
      ['images label busybox team=web keep', 'set two'],
      ['images label busybox keep=', 'take one away'],
      ['images label -r busybox team=web', 'this one and no other'],
    ],
    json: '{ name: string; labels: Record<string, string> }',
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('image'), minimum: 1 },
    flags: { replaceAll: switchFlag('Take all other labels away') },
    aliases: { r: 'replaceAll' },
  },
  loader: () => import('./label.js'),
});
