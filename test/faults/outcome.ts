import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The built command, which has to be there. */
export const COMMAND = fileURLToPath(new URL('../../dist/bin/stowage.js', import.meta.url));

export const run = promisify(execFile);

/** How a process ended, and what it said. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, whatever that is. */
export async function outcomeOf(
  program: string,
  args: readonly string[],
  options: { readonly timeout?: number } = {},
): Promise<Outcome> {
  try {
    return { status: 0, ...(await run(program, args, options)) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, stdout, stderr };
  }
}

/** What a command printed that has to have succeeded. */
export function successOf({ status, stdout, stderr }: Outcome, words: readonly string[]): string {
  assert.equal(status, 0, `${words.join(' ')}: ${stderr}`);
  return stdout.trim();
}
