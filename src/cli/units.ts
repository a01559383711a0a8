/** Sizes, rates and ages the way `ctr` prints them (spec 9.1). */

const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'] as const;
const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'] as const;

/** `0.0 B`, `1.5 KiB`: base 1024, one decimal. */
export function binarySize(bytes: number): string {
  const [value, unit] = scale(bytes, 1024, BINARY);
  return `${roundHalfEven(value, 1).toFixed(1)} ${unit}`;
}

/** `1.732kB`: base 1000, four significant digits, no space. */
export function decimalSize(bytes: number): string {
  const [value, unit] = scale(bytes, 1000, DECIMAL);
  const wholeDigits = Math.max(1, Math.trunc(value).toString().length);
  return `${roundHalfEven(value, Math.max(0, 4 - wholeDigits))}${unit}`;
}

/** `3 hours`, `About a minute`: how long ago something was, in the one unit that suits. */
export function age(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  if (seconds < 1) return 'Less than a second';
  if (seconds === 1) return '1 second';
  if (seconds < 60) return `${seconds} seconds`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes === 1) return 'About a minute';
  if (minutes < 60) return `${minutes} minutes`;
  const hours = Math.round(seconds / 3600);
  if (hours === 1) return 'About an hour';
  if (hours < 48) return `${hours} hours`;
  const days = Math.trunc(hours / 24);
  if (days < 14) return `${days} days`;
  if (days < 60) return `${Math.trunc(days / 7)} weeks`;
  if (days < 730) return `${Math.trunc(days / 30)} months`;
  return `${Math.trunc(days / 365)} years`;
}

/** `0:07`, `12:34`, `1:02:03`: time left, in whole seconds. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  const pad = (value: number) => String(value).padStart(2, '0');
  const hours = Math.trunc(whole / 3600);
  const minutes = Math.trunc(whole / 60) % 60;
  return hours > 0 ? `${hours}:${pad(minutes)}:${pad(whole % 60)}` : `${minutes}:${pad(whole % 60)}`;
}

function scale(value: number, base: number, units: readonly string[]): [number, string] {
  let unit = 0;
  while (value >= base && unit < units.length - 1) {
    value /= base;
    unit++;
  }
  return [value, units[unit]!];
}

/** As C's printf rounds: a value exactly between two goes to the even one, where `toFixed` goes up. */
function roundHalfEven(value: number, decimals: number): number {
  const factor = 10 ** decimals;
  const scaled = value * factor;
  const floor = Math.floor(scaled);
  // Multiplying may hide a tie or make one up; only where the way back is exact is it a tie.
  const tie = scaled - floor === 0.5 && scaled / factor === value && Number.isInteger(value * 2 ** 20);
  if (tie) return (floor % 2 === 0 ? floor : floor + 1) / factor;
  return Number(value.toFixed(decimals));
}
