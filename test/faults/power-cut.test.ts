import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { importArchive } from '../../src/archive/import.js';
import { openStore } from '../../src/backends/dir/index.js';
import { digestOf } from '../../src/io/hash.js';
import { randomOf } from '../fuzz/random.js';
import { anyFate, Disk, EVERYTHING, FATES, journaledFate, type Remains } from './disk.js';
import { judge, layOut, type Places, type Visible } from './judge.js';
import { scratchFolder } from './scratch.js';
import { trace, traceProblem, type Operation } from './trace.js';
import { PARTS, workloadIn, type Step, type Workload } from './workload.js';

/**
 * Real commands are followed call by call, SQLite's included. For every moment and every fate of what was not synced
 * by then, the disk is laid out as a power cut could have left it, and the store is opened there: what a command had
 * reported is there, what it had not is there whole or not at all, and the work can be done again.
 */

/** How long states are tried, in seconds; on a slow machine that is not every moment; on a fast one every
 * moment has more and more random ones. */
const SECONDS = Number(process.env['POWER_CUT_SECONDS'] ?? 45);
const SEED = Number(process.env['POWER_CUT_SEED'] ?? Date.now() % 1_000_000);

/** Fates of one moment at most. */
const TURNS = 40;

const problem = await traceProblem();
if (problem !== undefined && process.env['STOWAGE_REQUIRE_TOOLS'] === '1') throw new Error(problem);

interface Followed {
  readonly step: Step;
  readonly operations: readonly Operation[];
  /** From when on the command has told of its success; `lines` is what it said that the judge understands. */
  readonly reported: readonly { readonly start: number; readonly lines: readonly string[] }[];
  readonly before: Visible;
  readonly after: Visible;
}

let folder: string;
let scratch: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stowage-power-'));
  scratch = await scratchFolder();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await rm(scratch, { recursive: true, force: true });
});

const placesIn = (disk: string): Places => ({
  root: join(disk, 'new', 'deep', 'root'),
  file: join(disk, 'out.tar'),
  layout: join(disk, 'layout'),
});

/** Runs the steps for real; the disk must end as the model of it says. */
async function follow(workload: Workload): Promise<Followed[]> {
  const model = await Disk.of(workload.disk);
  const followed: Followed[] = [];
  let before: Visible = await visibleNow(workload.disk);
  for (const step of workload.steps) {
    const { operations, status, stderr } = await trace(process.execPath, step.args, { cwd: folder });
    assert.equal(status, 0, `${step.title}: ${stderr}`);
    model.newProcess();
    const concerned = operations.filter((operation) => model.apply(operation));
    const after = await visibleNow(workload.disk);
    followed.push({ step, operations, reported: reportsIn(operations), before, after });
    before = after;
    assert.ok(concerned.length > 0, `${step.title} was not followed`);
    assert.deepEqual(
      signatureOf(model.after(EVERYTHING)),
      signatureOf(await remainsOf(workload.disk)),
      step.title,
    );
  }
  return followed;
}

function reportsIn(operations: readonly Operation[]): Followed['reported'] {
  return operations.flatMap((operation) => {
    if (operation.kind !== 'write' || operation.fd !== 1) return [];
    const lines = operation.bytes
      .toString()
      .split('\n')
      .filter((line) => line.startsWith('default '));
    return [{ start: operation.start, lines }];
  });
}

async function visibleNow(disk: string): Promise<Visible> {
  const copy = join(scratch, 'now');
  await cp(disk, copy, { recursive: true });
  const visible = await judge(placesIn(copy), 'check');
  await rm(copy, { recursive: true });
  return visible;
}

async function remainsOf(path: string): Promise<Remains> {
  return (await Disk.of(path)).after(EVERYTHING);
}

/** Of the index of SQLite's log, which is mapped into memory, only the length can be followed. */
function signatureOf(remains: Remains): string[] {
  return [...remains]
    .map(([path, { bytes, mode }]) => {
      if (path.endsWith('-shm')) return `${path} ${bytes.length}`;
      return `${path} ${path.endsWith('/') ? '' : mode.toString(8)} ${createHash('sha1').update(bytes).digest('hex')}`;
    })
    .sort();
}

/** One state of the disk, and what may be seen in it. */
interface Case {
  readonly title: string;
  readonly remains: Remains;
  readonly allowed: Allowed;
}

/** One of these, where it is known; and in any case what was told. */
interface Allowed {
  readonly either: readonly Visible[] | undefined;
  readonly told: readonly string[];
}

/** Every moment of the commands with the fates that are worth a try at it, the surest first. */
async function* moments(
  { disk }: Workload,
  followed: readonly Followed[],
): AsyncGenerator<{ readonly share: number; readonly isWrite: boolean; readonly cases: Iterable<Case> }> {
  await rm(disk, { recursive: true });
  await mkdir(disk);
  const model = await Disk.of(disk);
  const total = followed.reduce((sum, { operations }) => sum + operations.length, 0);
  let passed = 0;
  for (const { step, operations, reported, before, after } of followed) {
    model.newProcess();
    for (const [place, operation] of operations.entries()) {
      passed++;
      if (!model.apply(operation) || step.foreign === true) continue;
      const next = operations.slice(place + 1).find(({ kind }) => kind !== 'open')?.end ?? Infinity;
      const told = reported.filter(({ start }) => start < next);
      const lines = told.flatMap((report) => report.lines);
      const done = next === Infinity || (lines.length === 0 && told.length > 0);
      // In the middle of what tells of its steps there are more states than before and after.
      const either = done ? [after] : lines.length > 0 ? undefined : [before, after];
      const moment = passed;
      const casesOf = function* (): Generator<Case> {
        for (let turn = 0; ; turn++) {
          // The surest first, then another one at every moment, should there be time for no more.
          const number = turn === 0 ? 0 : 1 + ((turn - 1 + moment) % TURNS);
          const fate =
            FATES[number] ??
            (number % 2 === 0 ? anyFate : journaledFate)(randomOf(SEED, moment * 1000 + number));
          const promised = fate.name === 'any' && step.moves === true ? [] : (step.promised ?? []);
          const allowed = { either, told: [...promised, ...lines] };
          const title = `${step.title}, moment ${moment} (${operation.kind}), fate ${number} (${fate.name})`;
          yield { title, remains: model.after(fate), allowed };
        }
      };
      yield { share: passed / total, isWrite: operation.kind === 'write', cases: casesOf() };
    }
  }
}

describe.skipIf(problem !== undefined)('a power cut', () => {
  it(
    'loses nothing that was reported, and leaves nothing half',
    async () => {
      const workload = await workloadIn(folder);
      const followed = await follow(workload);
      const seen = new Set<string>();
      const failures: string[] = [];
      const counts = { moments: 0, skipped: 0, states: 0, again: 0 };
      const started = performance.now();
      for await (const { share, isWrite, cases } of moments(workload, followed)) {
        // On a machine that is too slow for all of them, moments of every command are left out.
        if (performance.now() - started > (share * SECONDS + 1) * 1000) {
          counts.skipped++;
          continue;
        }
        counts.moments++;
        // As many fates as there is time for; when it is short, the surest, and after what is no write one more.
        const late = () => performance.now() - started > share * SECONDS * 1000;
        let turn = 0;
        for (const { title, remains, allowed } of cases) {
          if (turn++ >= (late() ? (isWrite ? 1 : 2) : TURNS)) break;
          const key = JSON.stringify([
            signatureOf(remains).filter((line) => !line.includes('-shm ')),
            allowed,
          ]);
          if (seen.has(key)) continue;
          seen.add(key);
          counts.states++;
          const again = counts.states % 4 === 0;
          if (again) counts.again++;
          const found = await tryState(remains, allowed, again ? workload.archives.first : undefined);
          if (found !== undefined) failures.push(`${title}: ${found}`);
          if (failures.length >= 20) break;
        }
        if (failures.length >= 20) break;
      }
      const seconds = Math.round((performance.now() - started) / 1000);
      console.log(
        `power cut: ${followed.length} commands, ${counts.moments} moments, ${counts.skipped} left out, ${counts.states} different states, ` +
          `${counts.again} of them worked on afterwards, ${seconds} s; POWER_CUT_SEED=${SEED}`,
      );
      assert.deepEqual(failures, []);
    },
    (SECONDS * 4 + 120) * 1000,
  );
});

/** Blobs and what is written into ingests come and go before names do. */
function seenIn({ images, records, files }: Visible): string {
  return JSON.stringify([images, records, files]);
}

/** Whether what a line tells is so. An ingest may be further, or have become the blob. */
function holds(line: string, { images, blobs, ingests }: Visible): boolean {
  const [, namespace, ref, told] = /^(\S+) ingest (.+) (\d+)$/.exec(line) ?? [];
  if (ref === undefined) return images.includes(line) || blobs.includes(line);
  if (blobs.includes(`${namespace} blob ${digestOf(Buffer.from(PARTS.join('')))}`)) return true;
  return ingests.some(
    (each) => each.namespace === namespace && each.ref === ref && each.offset >= Number(told),
  );
}

/** What is wrong with a state, if anything. */
async function tryState(
  remains: Remains,
  { either, told }: Allowed,
  archive: string | undefined,
): Promise<string | undefined> {
  const disk = join(scratch, `state`);
  const places = placesIn(disk);
  await layOut(remains, disk);
  try {
    const visible = await judge(places, archive === undefined ? 'read' : 'check');
    const lost = told.filter((line) => !holds(line, visible));
    if (lost.length > 0) return `${lost.join(', ')} was told, and is not there`;
    if (either !== undefined && !either.some((one) => seenIn(one) === seenIn(visible))) {
      return `${seenIn(visible)} is seen instead of ${either.map(seenIn).join(' or ')}`;
    }
    if (archive === undefined) return undefined;
    {
      await using store = await openStore({ root: places.root });
      await importArchive(store, archive, { onConflict: 'move' });
    }
    await judge(places, 'check');
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  } finally {
    await rm(disk, { recursive: true });
  }
}
