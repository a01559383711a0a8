import { access, chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { startContainerd, startDocker, startPeer, type Daemon } from './daemons.js';
import { findTool, TOOL_NAMES, type Found, type ToolName } from './tools.js';

/** What the whole run has in common. */
export interface Run {
  readonly tools: Readonly<Record<ToolName, Found>>;
  /** Comes first in the PATH of every script: `stowage` of this tree, `ctr` and `ctr2` for the daemons of this run. */
  readonly bin: string;
}

declare module 'vitest' {
  interface ProvidedContext {
    run: Run;
  }
}

/** Newer tools see only this folder, so everything happens below it. */
export const SHARED_FOLDER = '/tmp';

/** Before the first test: looks for the tools, starts the daemons. After the last: stops what it started. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const command = fileURLToPath(new URL('../../dist/bin/stowage.js', import.meta.url));
  await access(command).catch((cause: unknown) => {
    throw new Error('dist/bin/stowage.js is not there: run "npm run build" first', { cause });
  });

  const dir = await mkdtemp(join(SHARED_FOLDER, 'stowage-interop-run-'));
  const bin = join(dir, 'bin');
  await mkdir(bin);
  const daemons: Daemon[] = [];
  const found = await Promise.all(
    TOOL_NAMES.map(async (name): Promise<[ToolName, Found]> => [name, await findTool(name)]),
  );
  const tools = Object.fromEntries(found) as Record<ToolName, Found>;

  /** A tool whose daemon does not come up is as good as missing, and the reason is the daemon's. */
  const withDaemon = async (name: ToolName, start: () => Promise<void>): Promise<void> => {
    if ('missing' in tools[name]) return;
    try {
      await start();
    } catch (error) {
      tools[name] = { missing: error instanceof Error ? error.message : String(error) };
    }
  };
  const wrap = async (name: string, line: string): Promise<void> => {
    await writeFile(join(bin, name), `#!/bin/sh\n${line}\n`);
    await chmod(join(bin, name), 0o755);
  };

  await wrap('stowage', `exec '${process.execPath}' '${command}' "$@"`);
  await withDaemon('ctr', async () => {
    const containerd = await startContainerd(join(dir, 'containerd'));
    daemons.push(containerd);
    await wrap('ctr', `exec ${await which('ctr')} -a '${containerd.address}' -n "$INTEROP_NAMESPACE" "$@"`);
  });
  await withDaemon('ctr2', async () => {
    daemons.push(await startPeer('containerd2', ['ctr2', 'version']));
    await wrap('ctr2', `exec ${await which('ctr2')} -n "$INTEROP_NAMESPACE" "$@"`);
  });
  await withDaemon('docker2', async () => {
    daemons.push(await startPeer('dockerd2', ['docker2', 'version']));
  });

  await withDaemon('docker20', async () => {
    const docker = await startDocker(join(dir, 'docker20'));
    daemons.push(docker);
    await wrap('docker20', `exec ${await which('docker20')} -H '${docker.address}' "$@"`);
  });
  // No daemons, but a store of this run, which they share.
  for (const name of ['podman', 'buildah'] as const) {
    if ('missing' in tools[name]) continue;
    const store = `--root '${join(dir, 'storage')}' --runroot '${join(dir, 'storage-run')}' --storage-driver vfs`;
    await wrap(name, `exec ${await which(name)} ${store} "$@"`);
  }

  for (const [name, tool] of Object.entries(tools)) {
    console.log(`${name.padEnd(10)} ${'missing' in tool ? `MISSING: ${tool.missing}` : tool.version}`);
  }
  project.provide('run', { tools, bin });
  return async () => {
    for (const daemon of daemons.reverse()) await daemon.stop();
    await rm(dir, { recursive: true, force: true });
  };
}

/** The absolute path of a command, for a wrapper that bears its name. */
async function which(name: string): Promise<string> {
  for (const folder of (process.env['PATH'] ?? '').split(':')) {
    const path = join(folder, name);
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (there) return path;
  }
  throw new Error(`${name} is not in PATH`);
}
