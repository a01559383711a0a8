import { argument, defineCommand, ignoredSwitch, switchFlag } from '../../command.js';
import type { TagFlags } from './tag.js';

export const imagesTag = defineCommand<TagFlags, string[]>({
  help: {
    path: 'images tag',
    shortcuts: ['tag', 'i tag'],
    brief: 'Give an image further names',
    usage: ['[flags] <image> <name>...'],
    about: [
      'Each <name> is stored as it is typed, with the labels of <image>, and printed. All of them are given, or none.',
      'A name that another image has is an error without --force.',
    ],
    arguments: [
      ['<image>', 'Name of an image'],
      ['<name>', 'Names to give to it'],
    ],
    examples: [
      ['images tag busybox foo/mine:1', 'a second name'],
      ['images tag --force busybox foo/mine:1', 'even if foo/mine:1 is something else now'],
    ],
    json: '{ tagged: string[] }',
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('name'), minimum: 2 },
    flags: {
      force: switchFlag('Take a name away from another image'),
      skipReferenceCheck: switchFlag('Accept names that are not image references'),
      local: ignoredSwitch,
    },
  },
  loader: () => import('./tag.js'),
});
