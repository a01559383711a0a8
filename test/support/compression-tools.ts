import { spawnSync } from 'node:child_process';

/** Compressors as they come with a system, for files that were not made by the code under test. */

const MAX_OUTPUT = 1 << 30;

export function haveTool(tool: string): boolean {
  return spawnSync(tool, ['--version'], { input: '' }).error === undefined;
}

/** What the tool writes for `input`; an error with what it said if it fails. */
export function runTool(tool: string, args: readonly string[], input: Uint8Array): Buffer {
  const { error, status, stdout, stderr } = spawnSync(tool, args, { input, maxBuffer: MAX_OUTPUT });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${tool} ${args.join(' ')} failed: ${stderr.toString()}`);
  return stdout;
}
