import { readdir, readFile } from 'node:fs/promises';
import { forgetPeakOf, peakOf, sum, usageOf, type Usage } from './measure.js';

/** The processes of a daemon, which work for commands that only ask for it. */
export interface DaemonProcesses {
  resetPeak(): Promise<void>;
  used(): Promise<Usage>;
  peakBytes(): Promise<number>;
}

/**
 * The one daemon of that program on this machine, with daemons that it started itself; undefined if there is none, or
 * several, of which nobody could say which works for whom.
 */
export async function daemonProcesses(
  program: 'containerd' | 'dockerd',
): Promise<DaemonProcesses | undefined> {
  const all = await processes();
  const dockerds = new Set(all.filter(({ name }) => name === 'dockerd').map(({ pid }) => pid));
  const roots = all.filter(({ name, parent }) => name === program && !dockerds.has(parent));
  const [root] = roots;
  if (root === undefined || roots.length > 1) return undefined;
  const pids = [root, ...all.filter(({ parent }) => parent === root.pid)].map(({ pid }) => pid);
  return {
    resetPeak: async () => void (await Promise.all(pids.map(forgetPeakOf))),
    used: async () => sum(await Promise.all(pids.map((pid) => usageOf(pid, 'own')))),
    peakBytes: async () => Math.max(...(await Promise.all(pids.map(peakOf)))),
  };
}

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
}

async function processes(): Promise<Process[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.map(async (pid): Promise<Process[]> => {
      // Processes come and go while they are looked at.
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
      const [, name = '', parent = ''] = /\((.*)\) \S (\d+) /s.exec(stat ?? '') ?? [];
      return stat === undefined ? [] : [{ pid, parent: Number(parent), name }];
    }),
  );
  return found.flat();
}
