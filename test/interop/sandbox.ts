import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { inject, test } from 'vitest';
import { SHARED_FOLDER } from './setup.js';
import { toolsRequired, whyNot, type ToolName } from './tools.js';

/** How a process ended and what it wrote. */
export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * One test's place: an empty folder that is the working directory, a stowage root `root` in it that does not exist
 * yet, and a containerd namespace of its own. All of it goes with the test.
 */
export class Sandbox {
  readonly dir: string;
  readonly root: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #children = new Set<ChildProcess>();
  readonly #cleanup: string[] = [];

  constructor(dir: string, bin: string) {
    this.dir = dir;
    this.root = join(dir, 'root');
    const { CONTAINERD_ADDRESS: _address, CONTAINERD_NAMESPACE: _namespace, ...env } = process.env;
    this.#env = {
      ...env,
      PATH: `${bin}:${env['PATH'] ?? ''}`,
      HOME: dir,
      STOWAGE_ROOT: this.root,
      INTEROP_NAMESPACE: `interop-${randomUUID()}`,
      NO_COLOR: '1',
      TZ: 'UTC',
      LC_ALL: 'C.UTF-8',
    };
  }

  path(...parts: string[]): string {
    return join(this.dir, ...parts);
  }

  /** A process in this place, which does not outlive the test. */
  start(command: string, args: readonly string[], stdio: StdioOptions = 'pipe'): ChildProcess {
    const child = spawn(command, args, { cwd: this.dir, env: this.#env, stdio });
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    return child;
  }

  /** Runs a script as a user would type it and says how it ended. */
  async attempt(script: string): Promise<Outcome> {
    const child = this.start('bash', ['-euo', 'pipefail', '-c', script], ['ignore', 'pipe', 'pipe']);
    return outcomeOf(child);
  }

  /**
   * Runs a script that must succeed; answers its standard output without the last line end.
   * @throws {Error} with the script and what it wrote, if it fails.
   */
  async sh(script: string): Promise<string> {
    const { status, signal, stdout, stderr } = await this.attempt(script);
    if (status !== 0) {
      throw new Error(`${script.trim()}\nended with ${String(status ?? signal)}:\n${stdout}${stderr}`);
    }
    return stdout.replace(/\n$/, '');
  }

  /** Runs a script when the test is over, whether or not it passed. */
  finally(script: string): void {
    this.#cleanup.push(script);
  }

  async close(): Promise<void> {
    const children = [...this.#children];
    await Promise.all(
      children.map(async (child) => {
        const gone = once(child, 'exit');
        if (child.kill('SIGKILL')) await gone;
      }),
    );
    for (const script of this.#cleanup.reverse()) await this.attempt(script);
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** Waits for the end of a process that was started with pipes. */
export async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const read = async (stream: AsyncIterable<Uint8Array> | null): Promise<string> => {
    const chunks: Uint8Array[] = [];
    if (stream !== null) for await (const chunk of stream) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  const closed = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const [stdout, stderr, [status, signal]] = await Promise.all([
    read(child.stdout),
    read(child.stderr),
    closed,
  ]);
  return { status, signal, stdout, stderr };
}

/** A sandbox outside a test, for what is prepared once. The caller closes it. */
export async function openSandbox(): Promise<Sandbox> {
  return new Sandbox(await mkdtemp(join(SHARED_FOLDER, 'stowage-interop-')), inject('run').bin);
}

/** A test that needs these tools: skipped with the reason where one is missing, failed where they are required. */
export function interop(
  name: string,
  needs: readonly ToolName[],
  body: (box: Sandbox) => Promise<void>,
): void {
  test(name, async (context) => {
    const reason = whyNot(needs, inject('run').tools);
    if (reason !== undefined) {
      if (toolsRequired) throw new Error(reason);
      context.skip(reason);
    }
    const box = await openSandbox();
    for (const tool of ['ctr', 'ctr2'] as const) {
      if (needs.includes(tool)) box.finally(emptyNamespace(tool));
    }
    try {
      await body(box);
    } finally {
      await box.close();
    }
  });
}

/** Removes what a containerd holds in the namespace of the script. */
export const emptyNamespace = (tool: 'ctr' | 'ctr2'): string => `
  ${tool} images ls -q | xargs -r ${tool} images rm --sync
  ${tool} content prune references || true
  ${tool} namespaces rm "$INTEROP_NAMESPACE"`;
