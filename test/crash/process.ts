/** The built command as a real process, which may be stopped at any moment. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { resolve } from 'node:path';
import { performance } from 'node:perf_hooks';
import { Changes } from './changes.js';
import { stoppingAt, type SystemCall } from './system-calls.js';

/** `STOWAGE_BIN` puts another build in its place. */
export const COMMAND = resolve(process.env.STOWAGE_BIN ?? 'dist/bin/stowage.js');

/** No command may take this long, however busy the machine is: whoever does waits for somebody who is dead. */
const HANGS_AFTER = 40_000;

/**
 * Ends a process: so many milliseconds after its start, when so much changed in the folders that are watched, or at a
 * system call.
 */
export type Stop = { readonly signal: NodeJS.Signals } & (
  { readonly milliseconds: number } | { readonly changes: number } | { readonly call: SystemCall }
);

export interface Call {
  readonly words: readonly string[];
  readonly root: string;
  readonly cwd: string;
  /** A file whose bytes come in through a pipe. */
  readonly input?: string | undefined;
  readonly stop?: Stop | undefined;
  /** Folders in which changes are counted. @default none */
  readonly watched?: readonly string[];
  /** What runs the command, such as a tracer. @default nothing */
  readonly before?: readonly string[];
}

export interface Ended {
  /** Exit status, or the signal that ended it. */
  readonly status: number | string;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly milliseconds: number;
  /** In the folders that are watched. */
  readonly changes: number;
}

export function startCommand(call: Pick<Call, 'words' | 'root' | 'cwd' | 'before'>): ChildProcess {
  const { words, root, cwd, before = [] } = call;
  const [program, ...rest] = [...before, process.execPath, COMMAND, '--root', root, ...words];
  return spawn(program!, rest, {
    cwd,
    env: { PATH: process.env.PATH, HOME: cwd, NO_COLOR: '1', TZ: 'UTC' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs a command to its end, whoever brings that about. */
export async function runCommand(call: Call): Promise<Ended> {
  const { input, stop, watched = [], before } = call;
  const started = performance.now();
  const changes = new Changes(watched, stop && 'changes' in stop ? stop.changes : undefined, () => {
    if (stop !== undefined) child.kill(stop.signal);
  });
  const traced = stop && 'call' in stop ? stoppingAt(stop.call, stop.signal) : before;
  const child = startCommand({ ...call, ...(traced ? { before: traced } : {}) });
  const { stdin, stdout, stderr } = child;
  if (stdin === null || stdout === null || stderr === null) throw new TypeError('every stream is a pipe');
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  stdout.on('data', (chunk: Buffer) => output.push(chunk));
  stderr.on('data', (chunk: Buffer) => errors.push(chunk));
  // Who was killed does not read to the end.
  stdin.on('error', () => {});
  if (input === undefined) stdin.end();
  else createReadStream(input, { highWaterMark: 16 * 1024 }).pipe(stdin);
  let hung = false;
  const stopping =
    stop && 'milliseconds' in stop ? setTimeout(() => child.kill(stop.signal), stop.milliseconds) : undefined;
  const hanging = setTimeout(() => {
    hung = true;
    child.kill('SIGKILL');
  }, HANGS_AFTER);
  const status = await new Promise<number | string>((done, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => done(code ?? signal ?? 'unknown'));
  });
  changes.close();
  clearTimeout(stopping);
  clearTimeout(hanging);
  return {
    status: hung ? 'hung' : status,
    stdout: Buffer.concat(output),
    stderr: Buffer.concat(errors).toString(),
    milliseconds: performance.now() - started,
    changes: changes.count,
  };
}
