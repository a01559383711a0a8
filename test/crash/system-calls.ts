/** Stops a process at a system call of its choice, by `strace`: what lasts microseconds is never hit by a clock. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What changes files. */
const CALLS = [
  ...['mkdir', 'rename', 'unlink', 'rmdir', 'ftruncate'],
  ...['pwrite64', 'pwritev', 'fsync', 'fdatasync'],
] as const;

export interface SystemCall {
  readonly name: string;
  /** The first one is 1, as each thread counts them. */
  readonly number: number;
}

/** Why no process can be stopped so, or undefined. */
export const noStrace: string | undefined = (() => {
  const { error, status, stderr } = spawnSync('strace', [
    '-f',
    '--seccomp-bpf',
    '-qq',
    '-o',
    '/dev/null',
    'true',
  ]);
  if (error !== undefined) return `no strace: ${error.message}`;
  return status === 0 ? undefined : `strace cannot trace here: ${String(stderr).trim()}`;
})();

const STRACE = ['strace', '-f', '-qq'];

/** What to put before a command so that its calls are written to a file. */
export function recording(file: string): readonly string[] {
  return [...STRACE, '--seccomp-bpf', '-o', file, '-e', `trace=${CALLS.join(',')}`];
}

/** What to put before a command so that a call gets it a signal. A filter in the kernel would be faster, and loses the signal. */
export function stoppingAt({ name, number }: SystemCall, signal: NodeJS.Signals): readonly string[] {
  return [
    ...STRACE,
    '-o',
    '/dev/null',
    '-e',
    `trace=${name}`,
    '-e',
    `inject=${name}:signal=${signal}:when=${number}`,
  ];
}

/** How often each call was made, by the thread that made it most often. */
export function countsIn(file: string): ReadonlyMap<string, number> {
  const perThread = new Map<string, number>();
  const most = new Map<string, number>();
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const [, thread, name] = /^(\d+)\s+(\w+)\(/.exec(line) ?? [];
    if (thread === undefined || name === undefined) continue;
    const count = (perThread.get(`${thread} ${name}`) ?? 0) + 1;
    perThread.set(`${thread} ${name}`, count);
    most.set(name, Math.max(count, most.get(name) ?? 0));
  }
  return most;
}
