import { defineCommand } from '../command.js';

export const version = defineCommand<{}, []>({
  help: {
    path: 'version',
    brief: 'Print the version of stowage, and of Node.js below it',
    usage: [''],
    examples: [['version', 'what is this?']],
    json: '{ version: string; node: string; platform: string }',
  },
  parameters: {},
  loader: () => import('./version.js'),
});
