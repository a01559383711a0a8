import { argument, defineCommand, ignoredSwitch } from '../../command.js';
import { noGcFlag } from '../../no-gc-flag.js';
import type { RemoveFlags } from './rm.js';

export const imagesRemove = defineCommand<RemoveFlags, string[]>({
  help: {
    path: 'images rm',
    shortcuts: ['rm', 'i rm'],
    brief: 'Remove names of images',
    usage: ['[flags] <image>...'],
    about: [
      'Prints each name it removed. Content that nothing else needs goes with it (another name, a lease, an operation under way), in all namespaces, as with stowage gc; how much that freed is said on standard error.',
      'A name that is not there is reported, the others are removed, and the exit status is 3. (ctr warns and exits with 0.)',
    ],
    arguments: [['<image>', 'Names of images']],
    examples: [
      ['images rm foo/new:latest', 'one'],
      ["images ls -q 'name~=^import-' | xargs -r stowage images rm", 'all that got a made-up name'],
    ],
    json: '{ removed: string[]; freedBytes: number }',
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('image'), minimum: 1 },
    flags: { noGc: noGcFlag, sync: ignoredSwitch },
  },
  loader: () => import('./rm.js'),
});
