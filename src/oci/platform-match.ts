import type { Platform } from './platform.js';
import { normalizePlatform } from './platform.js';
import { runsWindowsVersion } from './windows-version.js';

/** Which platforms are acceptable, and which of two is to be preferred. */
export interface PlatformMatcher {
  match(platform: Platform): boolean;
  /** Negative if `a` is preferred, positive if `b` is, 0 if neither; for stable sorts. */
  compare(a: Platform, b: Platform): number;
}

/** This platform and nothing else. */
export function onlyStrict(platform: Platform): PlatformMatcher {
  return inOrder([exactly(platform)]);
}

/** This platform, else what runs on it as well: 386 on amd64, older variants, arm on arm64; the best first. */
export function only(platform: Platform): PlatformMatcher {
  return inOrder(compatible(normalizePlatform(platform)).map(exactly));
}

/** Any of these, preferred in this order. */
export function ordered(...platforms: readonly Platform[]): PlatformMatcher {
  return inOrder(platforms.map(exactly));
}

/** Any of these, none preferred. */
export function any(...platforms: readonly Platform[]): PlatformMatcher {
  const matchers = platforms.map(exactly);
  return { match: (candidate) => matchers.some((matches) => matches(candidate)), compare: () => 0 };
}

/** Every architecture of the OS, that of `platform` preferred. */
export function onlyOS(platform: Platform): PlatformMatcher {
  const wanted = normalizePlatform(platform);
  const matchesOS = (candidate: Platform) => acceptsOS(wanted, normalizePlatform(candidate));
  const rank = (candidate: Platform) => {
    if (!matchesOS(candidate)) return 2;
    return normalizePlatform(candidate).architecture === wanted.architecture ? 0 : 1;
  };
  return { match: matchesOS, compare: (a, b) => rank(a) - rank(b) };
}

/** Everything, none preferred. */
export const all: PlatformMatcher = { match: () => true, compare: () => 0 };

/** The items, preferred ones first and those without a platform last, otherwise in their order. */
export function sortByPlatform<TItem>(
  items: readonly TItem[],
  platformOf: (item: TItem) => Platform | undefined,
  matcher: PlatformMatcher,
): TItem[] {
  return [...items].sort((a, b) => {
    const [first, second] = [platformOf(a), platformOf(b)];
    if (first === undefined || second === undefined) {
      return Number(first === undefined) - Number(second === undefined);
    }
    return matcher.compare(first, second);
  });
}

type Predicate = (candidate: Platform) => boolean;

function exactly(platform: Platform): Predicate {
  const wanted = normalizePlatform(platform);
  return (candidate) => {
    const normal = normalizePlatform(candidate);
    return (
      wanted.architecture === normal.architecture &&
      wanted.variant === normal.variant &&
      acceptsOS(wanted, normal)
    );
  };
}

/** A candidate must not need a feature that is not there; versions matter on Windows only. */
function acceptsOS(wanted: Platform, candidate: Platform): boolean {
  if (wanted.os !== candidate.os) return false;
  const isWindows = wanted.os === 'windows';
  const features = wanted['os.features'] ?? [];
  return (
    (candidate['os.features'] ?? []).every(
      (feature) => features.includes(feature) || (isWindows && feature === 'win32k'),
    ) &&
    (!isWindows || runsWindowsVersion(wanted['os.version'] ?? '', candidate['os.version'] ?? ''))
  );
}

function inOrder(matchers: readonly Predicate[]): PlatformMatcher {
  return {
    match: (candidate) => matchers.some((matches) => matches(candidate)),
    compare: (a, b) =>
      compareBy(matchers, a, b) ?? compareBy(matchers, withoutFeatures(a), withoutFeatures(b)) ?? 0,
  };
}

/** Undefined if nothing matches either. Of two that match alike, the one that uses more features is better. */
function compareBy(matchers: readonly Predicate[], a: Platform, b: Platform): number | undefined {
  for (const matches of matchers) {
    const [first, second] = [matches(a), matches(b)];
    if (first !== second) return first ? -1 : 1;
    if (first) return (b['os.features']?.length ?? 0) - (a['os.features']?.length ?? 0);
  }
  return undefined;
}

function withoutFeatures({ 'os.features': _features, ...platform }: Platform): Platform {
  return platform;
}

/** What runs on a normalised platform, itself first. */
function compatible(platform: Platform): Platform[] {
  const { variant = '', ...base } = platform;
  const as = (architecture: string, ...variants: readonly string[]): Platform[] =>
    variants.map((name) => ({ ...base, architecture, ...(name === '' ? {} : { variant: name }) }));
  switch (platform.architecture) {
    case 'amd64':
      return [...as('amd64', ...descending(variant, 1)), ...as('386', '')];
    case 'arm':
      return as('arm', ...descending(variant, 5));
    case 'arm64': {
      const variants = arm64Variants(variant);
      return variants.length === 0 ? [] : [...as('arm64', ...variants), ...as('arm', 'v8', 'v7', 'v6', 'v5')];
    }
    default:
      return [platform];
  }
}

/** `v3` down to `v<lowest>`; anything that is not such a variant, alone. */
function descending(variant: string, lowest: number): string[] {
  const version = /^v?([1-9])$/.exec(variant)?.[1];
  const variants = [variant];
  for (let older = Number(version ?? 0) - 1; older >= lowest; older--) variants.push(`v${older}`);
  return variants;
}

/** Each v9.N includes v8.(N+5). Nothing is known to run on a variant that is not one of these. */
function arm64Variants(variant: string): string[] {
  const parts = /^v([89])(?:\.([0-9]))?$/.exec(variant === '' ? 'v8' : variant);
  if (parts === null) return [];
  const minor = Number(parts[2] ?? 0);
  const eights = countdown('v8', parts[1] === '8' ? minor : Math.min(minor + 5, 9));
  return parts[1] === '8' ? eights : [...countdown('v9', minor), ...eights];
}

function countdown(major: string, minor: number): string[] {
  return minor === 0 ? [major] : [`${major}.${minor}`, ...countdown(major, minor - 1)];
}
