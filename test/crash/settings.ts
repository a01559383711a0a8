/** How much is tried, and with which numbers: a run is bounded by default, and larger where the environment says so. */

function numberOf(name: string, fallback: number): number {
  const text = process.env[name];
  if (text === undefined || text === '') return fallback;
  const value = Number(text);
  if (!Number.isFinite(value) || value < 0)
    throw new RangeError(`${name} is no number: ${JSON.stringify(text)}`);
  return value;
}

/** What random choices are made from. Processes are never the same twice, but what they are told to do is. */
export const SEED = numberOf('STOWAGE_SEED', Math.floor(Math.random() * 2 ** 31));

/** Commands that are killed. */
export const KILL_ROUNDS = numberOf('STOWAGE_KILL_ROUNDS', 300);

/** Commands that are asked to end. */
export const SIGNAL_ROUNDS = numberOf('STOWAGE_SIGNAL_ROUNDS', 30);

/** How long processes race. */
export const RACE_SECONDS = numberOf('STOWAGE_RACE_SECONDS', process.env.CI === undefined ? 20 : 60);

/** What to type to have the same again. */
export function repetition(variables: Readonly<Record<string, number>>, file: string): string {
  const settings = Object.entries({ STOWAGE_SEED: SEED, ...variables }).map(
    ([key, value]) => `${key}=${value}`,
  );
  return `${settings.join(' ')} npx vitest run --config vitest.crash.config.ts ${file}`;
}
