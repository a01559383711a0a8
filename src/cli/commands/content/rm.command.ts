import { argument, defineCommand } from '../../command.js';

export const contentRemove = defineCommand<{}, string[]>({
  help: {
    path: 'content rm',
    brief: 'Remove blobs, whatever refers to them',
    usage: ['<digest>...'],
    about: [
      'Prints each digest it removed. An image that needs the blob is damaged from then on; to let go of an image, use images rm. The bytes stay on the disk for as long as another namespace has the blob.',
      'A digest that is not there is reported, the others are removed, and the exit status is 3. (ctr says nothing and exits with 0.)',
    ],
    arguments: [['<digest>', 'Digests as content ls shows them, such as sha256:...']],
    examples: [['content rm sha256:3c1d...', 'one']],
    json: '{ removed: string[] }',
  },
  parameters: { positional: { kind: 'array', parameter: argument('digest'), minimum: 1 } },
  loader: () => import('./rm.js'),
});
