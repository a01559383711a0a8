import { argument, defineCommand, switchFlag } from '../../command.js';
import { FILTER_HELP } from '../../filter-help.js';
import type { ListFlags } from './ls.js';

export const imagesList = defineCommand<ListFlags, string[]>({
  help: {
    path: 'images ls',
    shortcuts: ['ls', 'i ls'],
    brief: 'List images',
    usage: ['[flags] [<filter>...]'],
    about: [
      "SIZE is what this machine's platform takes, compressed; where an image has none for it, its first complete one.",
      `${FILTER_HELP} Fields: name, target.digest, target.mediatype, labels, annotations.`,
    ],
    arguments: [['<filter>', 'Show only images that match this, or another filter given']],
    examples: [
      ['images ls', 'all of them'],
      ['images ls -q', 'names only, for scripts'],
      ["images ls 'name~=^docker.io/'", 'names that match a regular expression'],
      ["images ls 'labels.team==web,name!=foo/new:latest'", 'both conditions'],
    ],
    json: `{
  name: string;
  target: { mediaType: string; digest: string; size: number; annotations?: Record<string, string> };
  /** As in the SIZE column, in bytes. */
  size: number;
  platforms: string[];
  labels: Record<string, string>;
  /** ISO 8601, UTC. */
  createdAt: string;
  updatedAt: string;
}[]`,
  },
  parameters: {
    positional: { kind: 'array', parameter: argument('filter') },
    flags: { quiet: switchFlag('Print names only') },
    aliases: { q: 'quiet' },
  },
  loader: () => import('./ls.js'),
});
