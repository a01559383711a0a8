import { join } from 'node:path';

/** How the built command is run: `[node, .../stowage.js, '--root', 'root', ...]`. */
export type StowageCommand = (...args: readonly string[]) => readonly string[];

export function stowageCommand(repository: string, node: string = process.execPath): StowageCommand {
  return (...args) => [node, join(repository, 'dist/bin/stowage.js'), ...args];
}

/** The same for a script. None of the words needs more than plain quotes. */
export const quoted = (argv: readonly string[]): string => argv.map((word) => `'${word}'`).join(' ');
