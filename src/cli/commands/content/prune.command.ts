import { argument, defineCommand, switchFlag } from '../../command.js';
import type { ContentPruneFlags } from './prune.js';

export const contentPrune = defineCommand<ContentPruneFlags, [string]>({
  help: {
    path: 'content prune',
    brief: 'Let go of layers, as ctr does once images are unpacked',
    usage: ['[flags] references'],
    about: [
      'Takes the labels away by which manifests keep their layers, in the namespace of the command, and collects. Images stay, but nothing can be exported of them that has those layers: use it only for a store whose layers are somewhere else. Labels that were counted without a kind (gc.ref.content.1 and up) go as well, as with ctr.',
      'Prints each blob and the label that was taken from it.',
    ],
    arguments: [['references', 'What is pruned']],
    examples: [
      ['content prune references --dry', 'which labels would go'],
      ['content prune references', 'take them away, and remove what they kept'],
    ],
    json: `{
  dryRun: boolean;
  removed: { digest: string; label: string; target: string }[];
  freedBytes: number;
}`,
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [argument('references')] },
    flags: {
      dry: switchFlag('Say what would be removed, and remove nothing'),
      async: switchFlag('Leave the content for a later collection'),
    },
  },
  loader: () => import('./prune.js'),
});
