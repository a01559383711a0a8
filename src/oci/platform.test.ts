import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeTable } from '../../test/tables.js';
import { armVariant, hostPlatform } from './host-platform.js';
import type { Platform } from './platform.js';
import { normalizePlatform } from './platform.js';
import type { PlatformMatcher } from './platform-match.js';
import { all, any, only, onlyOS, onlyStrict, ordered, sortByPlatform } from './platform-match.js';
import { formatPlatform, formatPlatformAll, parsePlatform } from './platform-specifier.js';
import { runsWindowsVersion } from './windows-version.js';

const host: Platform = { architecture: 'amd64', os: 'linux' };
const parse = (text: string) => parsePlatform(text, { host });

interface GoPlatform {
  readonly OS?: string;
  readonly Architecture?: string;
  readonly Variant?: string;
  readonly OSVersion?: string;
  readonly OSFeatures?: readonly string[];
}

const fromGo = ({ OS = '', Architecture = '', Variant, OSVersion, OSFeatures }: GoPlatform): Platform => ({
  architecture: Architecture,
  os: OS,
  ...(OSVersion ? { 'os.version': OSVersion } : {}),
  ...(OSFeatures ? { 'os.features': OSFeatures } : {}),
  ...(Variant ? { variant: Variant } : {}),
});

const checkMatches = (matcher: PlatformMatcher, matches: Record<'True' | 'False', string[]>) => {
  expect(matches.True.filter((text) => !matcher.match(parse(text)))).toEqual([]);
  expect(matches.False.filter((text) => matcher.match(parse(text)))).toEqual([]);
};

const sorted = (matcher: PlatformMatcher, platforms: string[]) =>
  sortByPlatform(platforms, (text) => parse(text), matcher);

describeTable('platforms-containerd.json', {
  groups: {
    TestParseSelector: ({ input, expected, matches = [], formatted, useV2Format }) => {
      const platform = parse(input);
      expect(platform).toEqual(fromGo(expected));
      const matcher = onlyStrict(platform);
      for (const candidate of matches) expect(matcher.match(fromGo(candidate))).toBe(true);
      const format = useV2Format ? formatPlatformAll : formatPlatform;
      expect(format(platform)).toBe(formatted);
      expect(format(parse(formatted))).toBe(formatted);
    },
    TestFormatAllEncoding: ({ platform, expected }) => {
      expect(formatPlatformAll(fromGo(platform))).toBe(expected);
      expect(parse(expected)).toEqual(fromGo(platform));
    },
    TestParseSelectorInvalid: ({ input }) => expect(() => parse(input)).toThrow('Cannot read platform'),
    TestOnly: ({ platform, matches }) => checkMatches(only(parse(platform)), matches),
    TestOnlyStrict: ({ platform, matches }) => checkMatches(onlyStrict(parse(platform)), matches),
    TestOnlyOS: ({ platform, matches }) => checkMatches(onlyOS(parse(platform)), matches),
    TestOnlyOSLess: ({ platform, platforms, expected }) =>
      expect(sorted(onlyOS(parse(platform)), platforms)).toEqual(expected),
    TestCompareOSFeatures: ({ platform, platforms, expected }) =>
      expect(sorted(only(parse(platform)), platforms)).toEqual(expected),
    TestGetCPUVariantFromArch: ({ input, output, expectedErr }) => {
      if (expectedErr !== null) return expect(() => armVariant(input)).toThrow('it is not ARM');
      expect(armVariant(input)).toBe(output === 'unknown' ? output : `v${output}`);
    },
    TestMatchComparerMatch_ABICheckWCOW: ({ hostPlatform, testPlatform, match }) =>
      expect(onlyStrict(fromGo(hostPlatform)).match(fromGo(testPlatform))).toBe(match),
    Test_PlatformCompat: ({ hostOS, ctrOS, shouldRun }) =>
      expect(runsWindowsVersion(`10.0.${hostOS}`, `10.0.${ctrOS}`)).toBe(shouldRun),
  },
  decidedAgainst: {
    'TestParseSelector[0]': 'wildcards are not supported, as in containerd',
    'TestParseSelector[1]': 'wildcards are not supported, as in containerd',
    'TestParseSelector[2]': 'wildcards are not supported, as in containerd',
  },
});

const word = fc.stringMatching(/^[a-z0-9]{1,8}$/);
const option = fc.string({ unit: fc.constantFrom(...'abz019.-_%+()/'), minLength: 1, maxLength: 8 });
const platform: fc.Arbitrary<Platform> = fc
  .record(
    {
      os: word,
      architecture: word,
      'os.version': option,
      'os.features': fc.uniqueArray(option, { minLength: 1, maxLength: 3 }),
      variant: word,
    },
    { requiredKeys: ['os', 'architecture'] },
  )
  .map(normalizePlatform);

describe('parsePlatform', () => {
  it('reads back everything that formatPlatformAll writes', () => {
    fc.assert(
      fc.property(platform, (value) => {
        expect(normalizePlatform(parse(formatPlatformAll(value)))).toEqual(value);
      }),
    );
  });

  it('completes one word from the host that is given, or from this one', () => {
    const arm = { architecture: 'arm', os: 'darwin', variant: 'v6' };
    expect(parsePlatform('linux', { host: arm })).toEqual({
      os: 'linux',
      architecture: 'arm',
      variant: 'v6',
    });
    expect(parsePlatform('s390x', { host: arm })).toEqual({ os: 'darwin', architecture: 's390x' });
    expect(parsePlatform('linux').architecture).toBe(hostPlatform().architecture);
  });

  it.each(['plan10', 'linux/*', 'linux(%zz)/amd64', 'linux(1/amd64', 'amd64(+x)'])('refuses %s', (text) => {
    expect(() => parse(text)).toThrow(/^Cannot read platform ".*": [^\n]+$/);
  });
});

describe('normalizePlatform', () => {
  it('changes nothing the second time', () => {
    fc.assert(
      fc.property(platform, (value) => {
        expect(normalizePlatform(value)).toEqual(value);
      }),
    );
  });

  it('leaves an empty OS empty, whatever the host', () => {
    expect(normalizePlatform({ architecture: 'x86_64', os: '' })).toEqual({ architecture: 'amd64', os: '' });
  });
});

describe('matchers', () => {
  it('accept for an unknown variant of arm64 nothing, of other architectures that variant', () => {
    expect(only(parse('linux/arm64/v10')).match(parse('linux/arm64/v10'))).toBe(false);
    expect(only(parse('linux/amd64/v1000000000')).match(parse('linux/amd64/v1000000000'))).toBe(true);
  });

  it('prefer in the order that only() and ordered() say', () => {
    const mixed = ['linux/386', 'linux/amd64', 'linux/amd64/v3', 'linux/amd64/v2'];
    expect(sorted(only(parse('linux/amd64/v3')), mixed)).toEqual([
      'linux/amd64/v3',
      'linux/amd64/v2',
      'linux/amd64',
      'linux/386',
    ]);
    const choice = ordered(parse('linux/386'), parse('linux/amd64'));
    expect(sorted(choice, ['linux/arm64', 'linux/amd64', 'linux/386'])).toEqual([
      'linux/386',
      'linux/amd64',
      'linux/arm64',
    ]);
  });

  it('any() and all keep the order', () => {
    const platforms = ['linux/arm64', 'linux/amd64'];
    expect(sorted(any(parse('linux/amd64'), parse('linux/arm64')), platforms)).toEqual(platforms);
    expect(any(parse('linux/amd64')).match(parse('linux/arm64'))).toBe(false);
    expect(sorted(all, platforms)).toEqual(platforms);
  });

  it('put items without a platform last', () => {
    const items = [undefined, 'linux/arm64', 'linux/amd64'];
    const order = sortByPlatform(items, (text) => (text === undefined ? undefined : parse(text)), only(host));
    expect(order).toEqual(['linux/amd64', 'linux/arm64', undefined]);
  });
});
