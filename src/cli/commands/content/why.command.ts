import { argument, defineCommand } from '../../command.js';

export const contentWhy = defineCommand<{}, [string]>({
  help: {
    path: 'content why',
    brief: 'Say what keeps a blob from being removed',
    usage: ['<digest>'],
    about: [
      'Of every kind of root that keeps the blob (images, leases, unfinished writes, labels) the shortest way from one to the blob, each step with the label or field that leads to it. Only the namespace of the command is looked at: another one may hold the same bytes for its own reasons.',
    ],
    arguments: [['<digest>', 'Digest as content ls shows it']],
    examples: [['content why sha256:3c1d...', 'which image uses this layer']],
    json: `{
  digest: string;
  namespace: string;
  /** Empty if nothing keeps it, and the next collection removes it. */
  chains: {
    root: 'image' | 'lease' | 'ingest' | 'label';
    /** Of a lease or an unfinished write that a process left behind which died: until it expires, or until gc. */
    orphan?: true;
    /** When the root stops counting, if it does: ISO 8601, UTC. */
    until?: string;
    /** From the root to the blob. */
    links: {
      kind: 'image' | 'content' | 'ingest' | 'lease';
      /** A name, a digest, a reference or an identifier. */
      id: string;
      /** How the one before keeps it: the key of a label, target, expected or lease; of the first, root or the label that makes it one. */
      by: string;
    }[];
  }[];
  /** Other namespaces that hold the same bytes. */
  alsoIn: string[];
}`,
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [argument('digest')] },
  },
  loader: () => import('./why.js'),
});
