import { argument, defineCommand } from '../../command.js';

export const contentGet = defineCommand<{}, string[]>({
  help: {
    path: 'content get',
    brief: 'Write blobs to standard output',
    usage: ['<digest>...'],
    about: [
      'The bytes as they are, of several blobs one after the other, verified while they are read: if a blob turns out damaged, its last bytes are not written and the exit status is 5. Binary content is not written to a terminal.',
    ],
    arguments: [['<digest>', 'Digests as content ls shows them, such as sha256:...']],
    examples: [
      ['content get sha256:3c1d... | jq .', 'look at a manifest'],
      ['content get sha256:9f2e... | tar tz', 'or into a layer'],
    ],
    json: '/** Nothing but the bytes; only errors are JSON. */\nnever',
  },
  parameters: { positional: { kind: 'array', parameter: argument('digest'), minimum: 1 } },
  loader: () => import('./get.js'),
});
