import { argument, defineCommand, ignoredValue } from '../../command.js';
import { FILTER_HELP } from '../../filter-help.js';
import type { ActiveFlags } from './active.js';

export const contentActive = defineCommand<ActiveFlags, string[]>({
  help: {
    path: 'content active',
    brief: 'List writes in progress',
    usage: ['[<filter>...]'],
    about: [
      'What is being written and what was begun and not ended: a reference, the bytes there are, and how long ago it was begun. What an import writes is called by its digest.',
      `${FILTER_HELP} Field: ref.`,
    ],
    arguments: [['<filter>', 'Show only references that match this, or another filter given']],
    examples: [
      ['content active', 'all of them'],
      ["content active 'ref~=^upload-'", 'whose reference begins so'],
    ],
    json: `{
  ref: string;
  /** Bytes there are. */
  offset: number;
  /** Bytes there will be, where that was said. */
  total?: number;
  /** The digest it is to have, where that was said. */
  expected?: string;
  /** ISO 8601, UTC. */
  startedAt: string;
  updatedAt: string;
}[]`,
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('filter') },
    flags: { timeout: ignoredValue },
    aliases: { t: 'timeout' },
  },
  loader: () => import('./active.js'),
});
