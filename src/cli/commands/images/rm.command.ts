import { argument, defineCommand, ignoredSwitch } from '../../command.js';
import type { RemoveFlags } from './rm.js';

export const imagesRemove = defineCommand<RemoveFlags, string[]>({
  help: {
    path: 'images rm',
    shortcuts: ['rm', 'i rm'],
    brief: 'Remove names of images',
    usage: ['<image>...'],
    about: [
      'Prints each name it removed. The content stays for as long as another name, or an operation under way, needs it.',
      'A name that is not there is reported, the others are removed, and the exit status is 3. (ctr warns and exits with 0.)',
    ],
    arguments: [['<image>', 'Names of images']],
    examples: [
      ['images rm foo/new:latest', 'one'],
      ["images ls -q 'name~=^import-' | xargs -r stowage images rm", 'all that got a made-up name'],
    ],
    json: '{ removed: string[] }',
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('image'), minimum: 1 },
    flags: { sync: ignoredSwitch },
  },
  loader: () => import('./rm.js'),
});
