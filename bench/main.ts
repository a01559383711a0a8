/**
 * The benchmark: makes its input, runs every kind of work round by round, prints the figures and writes RESULTS.md.
 * Nothing that depends on time is a failure; work that was not done is.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { errnoOf } from '../src/errors.js';
import { judge } from './bars.js';
import { SHARED_FOLDER } from './inputs.js';
import { describeMachine } from './machine.js';
import { findGnuTime, findNodes, Peers } from './peers.js';
import { PLANS, type Plan } from './plans.js';
import { page } from './report.js';
import type { WorkResult } from './results.js';
import { runWork } from './rounds.js';
import type { Work } from './work.js';

const USAGE = `Usage: npm run bench -- [flags]

  --quick          Small inputs and one round of everything: does the benchmark itself work?
  --all            Also what takes long: a layer of 5 GB, Docker archives compressed, out and judged
  --only A,B       Only works whose names begin so: import,export,version
  --rounds N       How many (default 5)
  --peer-rounds N  In how many of them other tools take part, which need most of the time (default 3)
  --node PATH      A further version of Node for what is about start-up; may be repeated
  --out FILE       Where the page goes (default bench/RESULTS.md; with --quick and --only, standard output alone)`;

/** Answers the exit status. */
export async function main(argv: readonly string[], repository: string): Promise<number> {
  const { values: flags } = parseArgs({
    args: [...argv],
    options: {
      quick: { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      'peer-rounds': { type: 'string', default: '3' },
      node: { type: 'string', multiple: true, default: [] },
      out: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (flags.help) {
    console.log(USAGE);
    return 0;
  }
  const only = flags.only?.split(',');
  const isWhole = only === undefined && !flags.quick;
  const everything = flags.all || flags.quick;
  const wants = {
    plan: ({ main, names }: Plan) =>
      only === undefined
        ? main || everything
        : names.some((name) => only.some((word) => word.startsWith(name) || name.startsWith(word))),
    work: ({ main, name }: Work) =>
      only === undefined ? main || everything : only.some((word) => name.startsWith(word)),
  };
  const rounds = countOf('rounds', flags.rounds ?? (flags.quick ? '1' : '5'));
  const peerRounds = countOf('peer-rounds', flags['peer-rounds']);

  const gnuTime = await findGnuTime();
  const nodes = await findNodes(flags.node);
  const peers = await Peers.start();
  await mkdir(SHARED_FOLDER, { recursive: true });
  const scratch = await mkdtemp(join(SHARED_FOLDER, 'run-'));
  const missing = [...peers.missing];
  if (gnuTime === undefined) missing.push('peak RSS: GNU time is not there');
  for (const line of missing) console.error(`not measured: ${line}`);
  const results: WorkResult[] = [];
  try {
    for (const plan of PLANS.filter(wants.plan)) {
      const skip = (reason: string) => {
        missing.push(`${plan.names.join(', ')}: ${reason}`);
        console.error(`not measured: ${missing.at(-1)}`);
      };
      const reason = peers.whyNot(plan.needs);
      if (reason !== undefined) {
        skip(reason);
        continue;
      }
      const works = await plan
        .make({ size: flags.quick ? 'quick' : 'full', repository, nodes })
        .catch((error: unknown) => {
          if (errnoOf(error) !== 'ENOSPC') throw error;
          skip(String(error));
          return [];
        });
      for (const work of works.filter(wants.work)) {
        console.error(`${work.name}: ${work.title}`);
        results.push(
          await runWork(work, { rounds, peerRounds, folder: join(scratch, work.name), peers, gnuTime }),
        );
      }
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
    await peers.stop();
  }

  const machine = [...(await describeMachine(repository, SHARED_FOLDER)), ...peers.versions];
  machine.push(...nodes.map(({ version }) => `start-up on Node ${version}`));
  const judged = judge(
    results,
    nodes.map(({ major }) => major),
  );
  // Small inputs say nothing about the bars.
  const bars = flags.quick ? [] : judged.filter(({ reached }) => isWhole || reached !== undefined);
  const text = page(machine, bars, results, missing);
  console.log(text);
  const out = flags.out ?? (isWhole ? join(repository, 'bench/RESULTS.md') : undefined);
  if (out !== undefined) await writeFile(out, text);
  return 0;
}

function countOf(flag: string, text: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  throw new Error(`--${flag} ${JSON.stringify(text)} is no number`);
}
