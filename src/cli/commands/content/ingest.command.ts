import { argument, defineCommand, switchFlag, valueFlag } from '../../command.js';
import type { IngestFlags } from './ingest.js';

export const contentIngest = defineCommand<IngestFlags, [string]>({
  help: {
    path: 'content ingest',
    brief: 'Store standard input as a blob',
    usage: ['[flags] <ref>'],
    about: [
      'Prints the digest. The reference is a name for the write while it goes on: should it be interrupted, the same command with the same input goes on where it ended, and compares what is there with the beginning of the input.',
      'Nothing refers to the blob yet. So that it is not collected, it is put under a lease of 24 hours, unless --lease names another one; label it, or import what refers to it, before that ends.',
    ],
    arguments: [['<ref>', 'Any text; two writes at a time need two of them']],
    examples: [
      ['content ingest layer-1 < layer.tar.gz', 'store a layer'],
      [
        'content ingest --expected-digest sha256:9f2e... --expected-size 3712 config < config.json',
        'and refuse anything else',
      ],
    ],
    json: '{ digest: string; size: number; existed: boolean; lease: string }',
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [argument('ref')] },
    flags: {
      expectedSize: valueFlag('BYTES', 'Refuse content of another size'),
      expectedDigest: valueFlag('DIGEST', 'Refuse content of another digest; read nothing if it is held'),
      restart: switchFlag('Throw away what was begun under this reference, and begin again'),
      lease: valueFlag('ID', 'Put it under this lease'),
    },
  },
  loader: () => import('./ingest.js'),
});
