import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A daemon this run started, or found running and leaves alone. */
export interface Daemon {
  /** Stops it, if this run started it. */
  stop(): Promise<void>;
}

/**
 * Starts the distribution's containerd with everything it keeps under `dir`, so that neither a containerd that runs
 * on this machine nor its data are touched. Resolves when it answers.
 *
 * @throws {Error} with the end of its log if it does not come up.
 */
export async function startContainerd(dir: string): Promise<Daemon & { readonly address: string }> {
  const address = join(dir, 'containerd.sock');
  await mkdir(dir, { recursive: true });
  await writeFile(
    join(dir, 'config.toml'),
    `version = 2
root = ${JSON.stringify(join(dir, 'root'))}
state = ${JSON.stringify(join(dir, 'state'))}
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = ${JSON.stringify(address)}
[ttrpc]
  address = ${JSON.stringify(`${address}.ttrpc`)}
`,
  );
  const log = join(dir, 'log');
  // A shell opens the log, because the daemon must not depend on a pipe to this process.
  const child = spawn(
    'sh',
    ['-c', 'exec containerd -c "$1/config.toml" --log-level warn >"$1/log" 2>&1', 'sh', dir],
    {
      stdio: 'ignore',
    },
  );
  return whenUp('containerd', log, child, address, () =>
    run('ctr', ['-a', address, '--connect-timeout', '1s', 'version']),
  );
}

/** Waits until a daemon answers; stops it and tells the end of its log if it ends or takes longer than ten seconds. */
async function whenUp(
  name: string,
  log: string,
  child: ChildProcess,
  address: string,
  answers: () => Promise<unknown>,
): Promise<Daemon & { readonly address: string }> {
  const stop = () => stopChild(child);
  for (let attempt = 0; ; attempt++) {
    try {
      await answers();
      return { address, stop };
    } catch (error) {
      if (child.exitCode === null && attempt < 100) {
        await delay(100);
        continue;
      }
      await stop();
      const tail = (await readFile(log, 'utf8').catch(() => '')).trim().split('\n').slice(-3).join(' | ');
      throw new Error(`${name} did not start: ${tail}`, { cause: error });
    }
  }
}

/**
 * Starts the distribution's Docker, `dockerd20`, with everything it keeps under `dir` and without a network, so that it
 * changes nothing of the machine's. Resolves when it answers.
 *
 * @throws {Error} with the end of its log if it does not come up.
 */
export async function startDocker(dir: string): Promise<Daemon & { readonly address: string }> {
  const address = `unix://${join(dir, 'docker.sock')}`;
  await mkdir(dir, { recursive: true });
  const flags = ['-H', address, '--data-root', join(dir, 'data'), '--exec-root', join(dir, 'exec')];
  flags.push('--pidfile', join(dir, 'pid'), '--iptables=false', '--ip6tables=false', '--bridge=none');
  const child = spawn(
    'sh',
    ['-c', 'log=$1; shift; exec dockerd20 "$@" >"$log" 2>&1', 'sh', join(dir, 'log'), ...flags],
    {
      stdio: 'ignore',
    },
  );
  return whenUp('dockerd20', join(dir, 'log'), child, address, () =>
    run('docker20', ['-H', address, 'version']),
  );
}

/** Starts a daemon of the newer tools through its `NAME up`, unless `probe` says that it runs already. */
export async function startPeer(name: string, probe: readonly [string, ...string[]]): Promise<Daemon> {
  const [command, ...args] = probe;
  const running = await run(command, args).then(
    () => true,
    () => false,
  );
  if (running) return { stop: async () => {} };
  // Its output stays unread: what it starts would hold a pipe open for as long as it lives.
  const child = spawn(name, ['up'], { stdio: 'ignore' });
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status !== 0) throw new Error(`${name} up: exit status ${String(status)}`);
  return {
    stop: async () => {
      await run(name, ['down']);
    },
  };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(late);
}
