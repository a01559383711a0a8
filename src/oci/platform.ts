/** A platform as descriptors and image configurations state it (image-spec image-index.md). */
export interface Platform {
  readonly architecture: string;
  readonly os: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly variant?: string;
}

/**
 * The one form in which platforms compare: lower case, other names of an architecture replaced, a variant that goes
 * without saying left out (except arm's, which becomes `v7`), features sorted. An empty OS stays empty: what an
 * image is for does not depend on the machine that looks at it.
 */
export function normalizePlatform(platform: Platform): Platform {
  const { architecture, variant } = normalizeArchitecture(platform.architecture, platform.variant ?? '');
  const version = platform['os.version'];
  const features = sortedFeatures(platform['os.features'] ?? []);
  return {
    architecture,
    os: normalizeOS(platform.os),
    ...(version ? { 'os.version': version } : {}),
    ...(features.length > 0 ? { 'os.features': features } : {}),
    ...(variant ? { variant } : {}),
  };
}

export function normalizeOS(os: string): string {
  const lower = os.toLowerCase();
  return lower === 'macos' ? 'darwin' : lower;
}

export function normalizeArchitecture(
  architecture: string,
  variant: string,
): { readonly architecture: string; readonly variant: string } {
  const lower = architecture.toLowerCase();
  const given = variant.toLowerCase();
  switch (lower) {
    case 'i386':
      return { architecture: '386', variant: '' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: given === 'v1' ? '' : given };
    case 'aarch64':
    case 'arm64':
      return { architecture: 'arm64', variant: ARM64_VARIANTS.get(given) ?? given };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return { architecture: 'arm', variant: ARM_VARIANTS.get(given) ?? given };
    default:
      return { architecture: lower, variant: given };
  }
}

/** Without what stands there twice, in the order of their characters. */
export function sortedFeatures(features: readonly string[]): string[] {
  return [...new Set(features)].sort();
}

const ARM64_VARIANTS: ReadonlyMap<string, string> = new Map([
  ['8', ''],
  ['v8', ''],
  ['v8.0', ''],
  ['9', 'v9'],
  ['9.0', 'v9'],
  ['v9.0', 'v9'],
]);

const ARM_VARIANTS: ReadonlyMap<string, string> = new Map([
  ['', 'v7'],
  ['7', 'v7'],
  ['5', 'v5'],
  ['6', 'v6'],
  ['8', 'v8'],
]);
