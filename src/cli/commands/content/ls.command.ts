import { argument, defineCommand, switchFlag } from '../../command.js';
import { FILTER_HELP } from '../../filter-help.js';
import type { ContentListFlags } from './ls.js';

export const contentList = defineCommand<ContentListFlags, string[]>({
  help: {
    path: 'content ls',
    brief: 'List blobs',
    usage: ['[flags] [<filter>...]'],
    about: [`${FILTER_HELP} Fields: digest, labels.`],
    arguments: [['<filter>', 'Show only blobs that match this, or another filter given']],
    examples: [
      ['content ls', 'all of them'],
      ['content ls -q', 'digests only'],
    ],
    json: `{
  digest: string;
  size: number;
  labels: Record<string, string>;
  /** ISO 8601, UTC. */
  createdAt: string;
  updatedAt: string;
}[]`,
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('filter') },
    flags: { quiet: switchFlag('Print digests only') },
    aliases: { q: 'quiet' },
  },
  loader: () => import('./ls.js'),
});
