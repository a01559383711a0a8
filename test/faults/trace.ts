/** The system calls by which a program changes files, as `strace` saw them. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** One call that succeeded. Its effect is there from `end` on; what it covers was there at `start`. */
export type Operation = { readonly start: number; readonly end: number } & Effect;

export type Effect =
  | {
      readonly kind: 'open';
      readonly fd: number;
      readonly path: string;
      readonly create: boolean;
      readonly truncate: boolean;
      readonly mode: number;
    }
  /** Without a position it goes where the last one ended. */
  | { readonly kind: 'write'; readonly fd: number; readonly bytes: Buffer; readonly at: number | undefined }
  | { readonly kind: 'resize'; readonly fd: number; readonly size: number }
  | { readonly kind: 'chmod'; readonly fd: number; readonly mode: number }
  | { readonly kind: 'sync'; readonly fd: number; readonly dataOnly: boolean }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'link'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'makeFolder'; readonly path: string };

export interface Trace {
  /** In the order of their effects. */
  readonly operations: readonly Operation[];
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Calls that change what is on a disk; one that is not understood fails the trace, so that none is missed. */
const CALLS = [
  ...[
    'open',
    'openat',
    'creat',
    'write',
    'pwrite64',
    'writev',
    'pwritev',
    'pwritev2',
    'ftruncate',
    'truncate',
  ],
  ...[
    'fallocate',
    'rename',
    'renameat',
    'renameat2',
    'unlink',
    'unlinkat',
    'rmdir',
    'mkdir',
    'mkdirat',
    'link',
  ],
  ...[
    'linkat',
    'symlink',
    'symlinkat',
    'chmod',
    'fchmod',
    'fchmodat',
    'fsync',
    'fdatasync',
    'syncfs',
    'sync',
  ],
  ...['sync_file_range', 'copy_file_range', 'sendfile', 'splice', 'io_uring_setup', 'dup', 'dup2', 'dup3'],
];

/** Runs a program under `strace`, all of its threads. Its standard output is a pipe. */
export async function trace(
  command: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<Trace> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-trace-'));
  const file = join(folder, 'trace');
  try {
    const flags = ['-f', '--seccomp-bpf', '-qq', '-xx', '-s', `${1 << 28}`, '-o', file];
    const { status, stdout, stderr } = await run(
      'strace',
      [...flags, '-e', `trace=${CALLS.join(',')}`, '-e', 'signal=none', command, ...args],
      options,
    );
    return { operations: parse(await readFile(file, 'latin1'), options.cwd), status, stdout, stderr };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Why programs cannot be traced here, if they cannot. */
export async function traceProblem(): Promise<string | undefined> {
  try {
    const { status, stderr } = await run('strace', ['-f', '--seccomp-bpf', '-o', '/dev/null', 'true'], {
      cwd: '/',
    });
    return status === 0 ? undefined : `strace does not work here: ${stderr.trim()}`;
  } catch {
    return 'strace is not installed';
  }
}

function run(
  command: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<{ status: number; stdout: string; stderr: string }> {
  return new Promise((settle, reject) => {
    const options = { cwd, env: { ...process.env, UV_USE_IO_URING: '0', ...env }, maxBuffer: 1 << 26 };
    const child = execFile(command, [...args], options, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error);
      else settle({ status: Number(error?.code ?? 0), stdout, stderr });
    });
    child.stdin?.end();
  });
}

/** Calls whose result is none of a file that is traced, unless an argument says so. */
const HARMLESS = new Set(['dup', 'dup2', 'dup3', 'splice', 'sendfile', 'copy_file_range', 'sync_file_range']);

function parse(text: string, cwd: string): Operation[] {
  const begun = new Map<string, { readonly line: number; readonly text: string }>();
  const operations: Operation[] = [];
  for (const [line, content] of text.split('\n').entries()) {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(content) ?? [];
    const unfinished = / *<unfinished \.\.\.>$/.exec(rest);
    if (unfinished !== null) {
      begun.set(thread, { line, text: rest.slice(0, unfinished.index) });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>/.exec(rest);
    const first = resumed === null ? undefined : begun.get(thread);
    const whole = first === undefined ? rest : first.text + rest.slice(resumed?.[0].length);
    const call = /^(\w+)\((.*)\) += (\d+)/.exec(whole);
    if (call === null) continue;
    const [, name = '', args = '', result = ''] = call;
    const effect = effectOf(name, args, Number(result), cwd);
    if (effect !== undefined) operations.push({ start: first?.line ?? line, end: line, ...effect });
  }
  return operations;
}

function effectOf(name: string, args: string, result: number, cwd: string): Effect | undefined {
  const strings = [...args.matchAll(/"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?/g)].map(([, hex = '', cut]) => {
    if (cut !== undefined) throw new Error(`strace cut a string of ${name}`);
    return Buffer.from(hex.replaceAll('\\x', ''), 'hex');
  });
  const path = (place: number) => resolve(cwd, String(strings[place]));
  const numbers = args
    .replaceAll(/"[^"]*"/g, '')
    .split(',')
    .map((part) => part.trim());
  const fd = Number(numbers[0]);
  const last = Number(numbers.at(-1));
  switch (name) {
    case 'open':
    case 'openat': {
      const create = args.includes('O_CREAT');
      const mode = create ? parseInt(numbers.at(-1) ?? '', 8) : 0;
      return { kind: 'open', fd: result, path: path(0), create, truncate: args.includes('O_TRUNC'), mode };
    }
    case 'write':
    case 'writev':
      return { kind: 'write', fd, bytes: Buffer.concat(strings).subarray(0, result), at: undefined };
    case 'pwrite64':
    case 'pwritev':
      return { kind: 'write', fd, bytes: Buffer.concat(strings).subarray(0, result), at: last };
    case 'ftruncate':
      return { kind: 'resize', fd, size: last };
    case 'fchmod':
      return { kind: 'chmod', fd, mode: parseInt(numbers[1] ?? '', 8) };
    case 'fsync':
    case 'fdatasync':
      return { kind: 'sync', fd, dataOnly: name === 'fdatasync' };
    case 'rename':
    case 'renameat':
    case 'renameat2':
      return { kind: 'rename', from: path(0), to: path(1) };
    case 'link':
    case 'linkat':
      return { kind: 'link', from: path(0), to: path(1) };
    case 'unlink':
    case 'unlinkat':
    case 'rmdir':
      return { kind: 'remove', path: path(0) };
    case 'mkdir':
    case 'mkdirat':
      return { kind: 'makeFolder', path: path(0) };
    default:
      if (HARMLESS.has(name)) return undefined;
      throw new Error(`A call that changes files is not understood: ${name}(${args.slice(0, 200)})`);
  }
}
