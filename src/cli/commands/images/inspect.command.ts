import { argument, defineCommand, switchFlag } from '../../command.js';
import type { InspectFlags } from './inspect.js';

export const imagesInspect = defineCommand<InspectFlags, [string]>({
  help: {
    path: 'images inspect',
    shortcuts: ['inspect', 'i inspect'],
    brief: 'Show what an image is made of, as a tree',
    usage: ['[flags] <image>'],
    about: [
      'Index, manifests, configurations and layers with their digests and sizes. What the store does not hold is marked.',
    ],
    arguments: [['<image>', 'Name of an image']],
    examples: [
      ['images inspect busybox', 'the tree'],
      ['images inspect --content busybox', 'with labels and the JSON of manifests and configurations'],
    ],
    json: `{
  name: string;
  labels: Record<string, string>;
  /** ISO 8601, UTC. */
  createdAt: string;
  updatedAt: string;
  target: Node;
}

interface Node {
  mediaType: string;
  digest: string;
  size: number;
  platform?: string;
  annotations?: Record<string, string>;
  /** Whether the store holds it. */
  present: boolean;
  children: Node[];
  /** With --content, of what is held: its labels, and its JSON if it is JSON. */
  labels?: Record<string, string>;
  content?: unknown;
}`,
  },
  parameters: {
    positional: { kind: 'tuple', parameters: [argument('image')] },
    flags: { content: switchFlag('Show labels and JSON of the blobs as well') },
  },
  loader: () => import('./inspect.js'),
});
