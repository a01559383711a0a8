import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { measure, type Sample } from './measure.js';
import type { Peers } from './peers.js';
import type { WorkResult } from './results.js';
import { shell, type Contestant, type Work } from './work.js';

export interface RoundsOptions {
  readonly rounds: number;
  /** In how many of them, from the first on, peers take part: they are what takes long. */
  readonly peerRounds: number;
  /** An empty folder for the contestants to work in. */
  readonly folder: string;
  readonly peers: Peers;
  readonly gnuTime: string | undefined;
}

const execute = promisify(execFile);

/**
 * Measures one kind of work: in each round every contestant once, one after the other, beginning with another one each
 * time. Each starts from the state its scripts make, with nothing left to be written to the disk.
 *
 * @throws {Error} if a run fails or did not do its work.
 */
export async function runWork(work: Work, options: RoundsOptions): Promise<WorkResult> {
  const { peers, folder } = options;
  const skipped: string[] = [];
  const ready: Contestant[] = [];
  try {
    for (const contestant of work.contestants) {
      const place = placeOf(folder, work, contestant);
      await mkdir(place, { recursive: true });
      const reason = peers.whyNot(contestant.needs ?? []) ?? (await unsupported(contestant, place));
      if (reason !== undefined) {
        skipped.push(`${contestant.name} (${reason})`);
        continue;
      }
      ready.push(contestant);
      await script(contestant, 'prepare', place);
    }
    const rounds: Map<string, Sample>[] = [];
    for (let round = 0; round < options.rounds * (work.repeats ?? 1); round++) {
      const samples = new Map<string, Sample>();
      const now = ready.filter(({ role }) => role !== 'peer' || round < options.peerRounds);
      const first = round % now.length;
      for (const contestant of [...now.slice(first), ...now.slice(0, first)]) {
        samples.set(contestant.name, await runOnce(work, contestant, options));
      }
      rounds.push(samples);
    }
    return { work, rounds, skipped };
  } finally {
    for (const contestant of ready) {
      // Why a run failed matters more than what it left; the next run removes that.
      await script(contestant, 'cleanup', placeOf(folder, work, contestant)).catch(console.error);
    }
    await rm(folder, { recursive: true, force: true });
  }
}

async function runOnce(work: Work, contestant: Contestant, options: RoundsOptions): Promise<Sample> {
  const { folder, peers, gnuTime } = options;
  const place = placeOf(folder, work, contestant);
  await script(contestant, 'before', place);
  const daemon = await peers.daemonOf(contestant.needs ?? []);
  await execute('sync');
  const sample = await measure(contestant.run, { cwd: place, env: environment(), daemon, gnuTime });
  await script(contestant, 'check', place);
  return sample;
}

function placeOf(folder: string, { contestants }: Work, contestant: Contestant): string {
  return join(folder, String(contestants.indexOf(contestant)));
}

async function unsupported({ supported }: Contestant, cwd: string): Promise<string | undefined> {
  if (supported === undefined) return undefined;
  const [command = '', ...args] = shell(supported);
  return execute(command, args, { cwd, env: environment() }).then(
    () => undefined,
    () => 'this version cannot do it',
  );
}

async function script(
  contestant: Contestant,
  which: 'prepare' | 'before' | 'check' | 'cleanup',
  cwd: string,
): Promise<void> {
  const text = contestant[which];
  if (text === undefined) return;
  const [command = '', ...args] = shell(text);
  await execute(command, args, { cwd, env: environment(), maxBuffer: 64 << 20 }).catch((cause: unknown) => {
    throw new Error(`${contestant.name}: "${which}" failed: ${text.trim()}`, { cause });
  });
}

/** Nothing of the caller's own settings has a part in it. */
function environment(): NodeJS.ProcessEnv {
  const settings = Object.entries(process.env).filter(
    ([name]) => !/^(STOWAGE|CONTAINERD|DOCKER|NODE)_/.test(name),
  );
  return { ...Object.fromEntries(settings), NO_COLOR: '1', LC_ALL: 'C.UTF-8' };
}
