const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go counts nanoseconds in 63 bits; and dates of a year with five digits are not what others can read. */
const LONGEST = 2_562_047 * 3_600_000;

const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;

/**
 * Milliseconds of a duration as Go writes it and `ctr` reads it: `24h`, `1h30m`, `1.5s`, `0`.
 * @throws {Error} for anything else, for negative ones and for more than 292 years
 */
export function parseDuration(text: string): number {
  if (text === '0') return 0;
  let sum = 0;
  let end = 0;
  for (const [part, number, unit] of text.matchAll(PART)) {
    sum += Number(number) * UNITS[unit!]!;
    end += part.length;
  }
  if (text === '' || end !== text.length) {
    throw new Error(`${JSON.stringify(text)} is no duration, such as 24h, 1h30m or 90s`);
  }
  if (sum > LONGEST) throw new Error(`${JSON.stringify(text)} is longer than the longest duration, 2562047h`);
  return sum;
}
