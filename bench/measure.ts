import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { DaemonProcesses } from './daemon-processes.js';

/** What one run took. */
export interface Sample {
  readonly seconds: number;
  /** User and system, of every process of the command and of the daemon that works for it. In steps of 10 ms. */
  readonly cpuSeconds: number;
  /** The largest resident set of any one process of the command, or of the daemon; undefined without GNU time. */
  readonly peakBytes: number | undefined;
  /** What it read with system calls, from files and pipes, cached or not. */
  readonly readBytes: number;
  /** What it caused to be written to storage. */
  readonly writtenBytes: number;
}

export interface MeasureOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly daemon: DaemonProcesses | undefined;
  /** The program `time` of GNU, which knows the peak of processes that are gone. */
  readonly gnuTime: string | undefined;
}

/**
 * Runs a command to its end and says what it took. The kernel adds what a process used to its parent when that waits
 * for it, so this process sees the sums of what it started.
 *
 * @throws {Error} with the end of what it wrote to standard error, if it fails.
 */
export async function measure(argv: readonly string[], options: MeasureOptions): Promise<Sample> {
  const { cwd, env, daemon, gnuTime } = options;
  const peakFile = join(cwd, '.peak');
  const errors = join(cwd, '.stderr');
  const wrapped = gnuTime === undefined ? argv : [gnuTime, '-o', peakFile, '-f', '%M', '--', ...argv];
  const [command = '', ...args] = wrapped;
  const stderr = await open(errors, 'w');
  try {
    await daemon?.resetPeak();
    const before = [await ofChildren(), await daemon?.used()] as const;
    const started = performance.now();
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'ignore', stderr.fd] });
    const [status, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    const seconds = (performance.now() - started) / 1000;
    if (status !== 0) {
      const tail = (await readFile(errors, 'utf8')).trim().split('\n').slice(-5).join('\n');
      throw new Error(`${argv.join(' ')}\nended with ${String(status ?? signal)}:\n${tail}`);
    }
    const used = difference(await ofChildren(), before[0]);
    const ofDaemon = difference(await daemon?.used(), before[1]);
    const peak = gnuTime === undefined ? undefined : 1024 * Number(await lastLine(peakFile));
    return {
      seconds,
      cpuSeconds: used.cpuSeconds + ofDaemon.cpuSeconds,
      peakBytes: peak === undefined ? undefined : Math.max(peak, (await daemon?.peakBytes()) ?? 0),
      readBytes: used.readBytes + ofDaemon.readBytes,
      writtenBytes: used.writtenBytes + ofDaemon.writtenBytes,
    };
  } finally {
    await stderr.close();
    await rm(peakFile, { force: true });
  }
}

/** What processes have used since they were started. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
}

const NOTHING: Usage = { cpuSeconds: 0, readBytes: 0, writtenBytes: 0 };

export const sum = (usages: readonly Usage[]): Usage =>
  usages.reduce(
    (all, one) => ({
      cpuSeconds: all.cpuSeconds + one.cpuSeconds,
      readBytes: all.readBytes + one.readBytes,
      writtenBytes: all.writtenBytes + one.writtenBytes,
    }),
    NOTHING,
  );

function difference(after: Usage | undefined, before: Usage | undefined): Usage {
  if (after === undefined || before === undefined) return NOTHING;
  return {
    cpuSeconds: after.cpuSeconds - before.cpuSeconds,
    readBytes: after.readBytes - before.readBytes,
    writtenBytes: after.writtenBytes - before.writtenBytes,
  };
}

/** Of the children this process has waited for, with theirs; bytes also of its own, which are next to nothing. */
function ofChildren(): Promise<Usage> {
  return usageOf('self', 'children');
}

/** proc(5): clock ticks of `stat`, of which Linux shows a hundred a second whatever its own are. */
const TICKS = 100;

/** @throws {Error} ENOENT if the process is gone. */
export async function usageOf(pid: number | 'self', whose: 'own' | 'children'): Promise<Usage> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in parentheses, which may contain anything; the third is at 0 here.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const first = whose === 'own' ? 11 : 13;
  const io = await readFile(`/proc/${pid}/io`, 'utf8');
  const counter = (name: string) => Number(new RegExp(`^${name}: (\\d+)$`, 'm').exec(io)?.[1] ?? 0);
  return {
    cpuSeconds: (Number(fields[first]) + Number(fields[first + 1])) / TICKS,
    readBytes: counter('rchar'),
    writtenBytes: counter('write_bytes'),
  };
}

/** GNU time writes a line about the exit status before what it was asked for. */
async function lastLine(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).trim().split('\n').at(-1) ?? '';
}

/** The largest resident set a process had since it was last asked to forget it. */
export async function peakOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
}

/** proc(5): 5 makes the kernel forget the peak. */
export const forgetPeakOf = (pid: number) => writeFile(`/proc/${pid}/clear_refs`, '5');
