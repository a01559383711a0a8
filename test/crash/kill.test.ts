import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { randomOf } from '../fuzz/random.js';
import { figuresOf, Lane, runLanes, type Usual } from './lane.js';
import { KILL_ROUNDS, repetition, SEED, SIGNAL_ROUNDS } from './settings.js';

/** Two stores at once: while one command waits for the disk, another one works. */
const LANES = 2;

async function stopCommands(signal: NodeJS.Signals, rounds: number, setting: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'stowage-crash-'));
  const usual = new Map<string, Usual>();
  const lanes: Lane[] = [];
  for (let number = 0; number < LANES; number++) {
    lanes.push(await Lane.open(join(folder, `${number}`), randomOf(SEED, number), signal, usual));
  }
  const seconds = await runLanes(lanes, rounds);
  console.log(`${signal}, seed ${SEED}\n${figuresOf(lanes, seconds)}`);
  const findings = lanes.flatMap(({ findings }) => findings);
  if (findings.length > 0) {
    const again = repetition({ [setting]: rounds }, 'test/crash/kill.test.ts');
    throw new Error([...findings, `seed ${SEED}, left in ${folder}; again: ${again}`].join('\n\n'));
  }
  await rm(folder, { recursive: true });
}

describe('a command that is killed at any moment', () => {
  it('has done all or nothing, lost nothing that was reported as done, and holds nobody up', async () => {
    await stopCommands('SIGKILL', KILL_ROUNDS, 'STOWAGE_KILL_ROUNDS');
  });
});

describe.each(['SIGINT', 'SIGTERM'] as const)('a command that gets %s at any moment', (signal) => {
  it('has done all or nothing, says so in a line, and leaves nothing behind', async () => {
    await stopCommands(signal, SIGNAL_ROUNDS, 'STOWAGE_SIGNAL_ROUNDS');
  });
});
