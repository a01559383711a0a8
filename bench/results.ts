import type { Sample } from './measure.js';
import type { Work } from './work.js';

/** What was measured of one kind of work: in each round, one sample of each contestant. */
export interface WorkResult {
  readonly work: Work;
  readonly rounds: readonly ReadonlyMap<string, Sample>[];
  /** Contestants that did not run, with the reason. */
  readonly skipped: readonly string[];
}

export function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle];
  const lower = sorted[sorted.length - 1 - middle];
  return upper === undefined || lower === undefined ? undefined : (upper + lower) / 2;
}

/** Every sample of a contestant. */
export function samplesOf({ rounds }: WorkResult, contestant: string): Sample[] {
  return rounds.flatMap((round) => round.get(contestant) ?? []);
}

/** The slowest floor of a round: what the machine needed just then for what has to be done. */
function floorOf({ work }: WorkResult, round: ReadonlyMap<string, Sample>): number | undefined {
  const floors = work.contestants
    .filter(({ role }) => role === 'floor')
    .flatMap(({ name }) => round.get(name)?.seconds ?? []);
  return floors.length === 0 ? undefined : Math.max(...floors);
}

/** The median of a contestant's time over the floor of the same round. */
export function timesFloor(result: WorkResult, contestant: string): number | undefined {
  return median(
    result.rounds.flatMap((round) => {
      const [sample, floor] = [round.get(contestant), floorOf(result, round)];
      return sample === undefined || floor === undefined ? [] : [sample.seconds / floor];
    }),
  );
}

/**
 * The median of a peer's time over that of stowage in the same round; of the rounds that count. With `atLeast`, those in
 * which stowage could not have been so many times faster even at the speed of the floor do not.
 */
export function timesFaster(
  result: WorkResult,
  peer: string,
  atLeast = 0,
): { readonly value: number; readonly rounds: number } | undefined {
  const own = result.work.contestants.find(({ role }) => role === 'stowage')?.name ?? '';
  const counted = result.rounds.flatMap((round) => {
    const [ours, theirs] = [round.get(own), round.get(peer)];
    if (ours === undefined || theirs === undefined) return [];
    const hasRoom = theirs.seconds >= atLeast * (floorOf(result, round) ?? 0);
    return hasRoom ? [theirs.seconds / ours.seconds] : [];
  });
  const value = median(counted);
  return value === undefined ? undefined : { value, rounds: counted.length };
}
