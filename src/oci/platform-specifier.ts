import { posix } from 'node:path';
import { StowageError } from '../errors.js';
import { hostPlatform } from './host-platform.js';
import type { Platform } from './platform.js';
import { normalizeArchitecture, normalizeOS, sortedFeatures } from './platform.js';

const KNOWN_OS: ReadonlySet<string> = new Set(
  'aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos'.split(
    ' ',
  ),
);
const KNOWN_ARCHITECTURES: ReadonlySet<string> = new Set(
  (
    '386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32 ' +
    'mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm'
  ).split(' '),
);

const FIRST_PART = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.%-]*)((?:\+[A-Za-z0-9_.%-]+)*)\))?$/;
const OTHER_PART = /^[A-Za-z0-9_.-]+$/;

/**
 * Reads `<os>`, `<arch>`, `<os>/<arch>` or `<os>/<arch>/<variant>`; the OS may carry its version and features:
 * `windows(10.0.17763+win32k)/amd64`. What is missing is taken from the host.
 *
 * @throws {StowageError} INVALID if it is none of these, or one word that is no known OS or architecture.
 */
export function parsePlatform(specifier: string, options: { readonly host?: Platform } = {}): Platform {
  if (specifier.includes('*')) throw invalid(specifier, 'wildcards are not supported');
  const [first = '', ...others] = specifier.split('/');
  const firstPart = FIRST_PART.exec(first);
  if (firstPart === null || !others.every((part) => OTHER_PART.test(part))) {
    throw invalid(specifier, 'a part of it is empty or has other characters than a platform');
  }
  const [, name = '', version = '', features = ''] = firstPart;
  const os = {
    os: normalizeOS(name),
    version: decodeOption(version, specifier),
    features: features
      .split('+')
      .slice(1)
      .map((feature) => decodeOption(feature, specifier)),
  };
  const [architecture, variant] = others;
  if (architecture === undefined) return parseWord(os, name, specifier, options.host ?? hostPlatform());
  if (others.length > 2) throw invalid(specifier, 'it has more than three parts');
  const normal = normalizeArchitecture(architecture, variant ?? '');
  if (variant === undefined) return build(os, normal.architecture, impliedVariant(normal));
  // Said explicitly, the variant stays visible.
  const isPlainArm64 = normal.architecture === 'arm64' && normal.variant === '';
  return build(os, normal.architecture, isPlainArm64 ? 'v8' : normal.variant);
}

/** `os/arch[/variant]`; `unknown` where the OS is not said. */
export function formatPlatform(platform: Platform): string {
  return platform.os === '' ? 'unknown' : joined(platform.os, platform);
}

/** {@link formatPlatform} with version and features of the OS; {@link parsePlatform} reads it back. */
export function formatPlatformAll(platform: Platform): string {
  if (platform.os === '') return 'unknown';
  const version = encodeOption(platform['os.version'] ?? '');
  const features = sortedFeatures(platform['os.features'] ?? []).map(
    (feature) => `+${encodeOption(feature)}`,
  );
  const options = version + features.join('');
  return joined(options === '' ? platform.os : `${platform.os}(${options})`, platform);
}

interface ParsedOS {
  readonly os: string;
  readonly version: string;
  readonly features: readonly string[];
}

function parseWord(os: ParsedOS, word: string, specifier: string, host: Platform): Platform {
  if (KNOWN_OS.has(os.os)) {
    const variant = host.architecture === 'arm' && host.variant !== 'v7' ? (host.variant ?? '') : '';
    return build(os, host.architecture, variant);
  }
  const normal = normalizeArchitecture(word, '');
  if (!KNOWN_ARCHITECTURES.has(normal.architecture) || specifier !== word) {
    throw invalid(specifier, 'unknown operating system or architecture');
  }
  return build({ ...os, os: host.os }, normal.architecture, impliedVariant(normal));
}

/** `arm` alone means v7, and is kept as short as it was written. */
function impliedVariant(normal: { readonly architecture: string; readonly variant: string }): string {
  return normal.architecture === 'arm' && normal.variant === 'v7' ? '' : normal.variant;
}

function build({ os, version, features }: ParsedOS, architecture: string, variant: string): Platform {
  return {
    architecture,
    os,
    ...(version === '' ? {} : { 'os.version': version }),
    ...(features.length === 0 ? {} : { 'os.features': features }),
    ...(variant === '' ? {} : { variant }),
  };
}

function joined(os: string, { architecture, variant }: Platform): string {
  return posix.join(os, architecture, variant ?? '').replace(/\/$/, '');
}

function encodeOption(text: string): string {
  return text.replace(
    /[%+()/]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

function decodeOption(text: string, specifier: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (!(error instanceof URIError)) throw error;
    throw invalid(specifier, 'it has an invalid percent escape');
  }
}

function invalid(specifier: string, reason: string): StowageError {
  return new StowageError('INVALID', `Cannot read platform ${JSON.stringify(specifier)}: ${reason}`, {
    detail: { platform: specifier },
    hint: 'write it as os/arch[/variant], for example linux/arm64/v8',
  });
}
