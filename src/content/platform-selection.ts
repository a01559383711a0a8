import { StowageError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import { onlyStrict } from '../oci/platform-match.js';
import { formatPlatform } from '../oci/platform-specifier.js';
import { normalizePlatform, type Platform } from '../oci/platform.js';
import type { Inspection, ManifestState } from './completeness.js';

export interface SelectionOptions {
  /** How messages name the image, quoted: `"docker.io/library/busybox:latest"`. */
  readonly image: string;
  /** Only these platforms, each of which must be complete. @default every complete platform */
  readonly platforms?: readonly Platform[] | undefined;
  /** Which platforms must be complete in any case. @default 'present': whatever is not absent */
  readonly require?: RequiredPlatforms | undefined;
  /** What errors say has required them: the flag, or the option. @default '--require' and its value */
  readonly requiredBy?: string | undefined;
}

/** Platforms that must be complete: whatever is there at all, every one, or these. */
export type RequiredPlatforms = 'present' | 'all' | readonly Platform[];

/** What an import or export is told: to require every platform, and, which counts more, what to require. */
export function requirement(options: {
  readonly allPlatforms?: boolean | undefined;
  readonly require?: RequiredPlatforms | undefined;
}): Pick<SelectionOptions, 'require' | 'requiredBy'> {
  if (options.require !== undefined) return { require: options.require };
  return options.allPlatforms === true ? { require: 'all', requiredBy: '--all-platforms' } : {};
}

/** What becomes of one platform. */
export interface SelectedPlatform {
  /** `os/arch[/variant]`, normalised; undefined where nothing says it. */
  readonly platform: string | undefined;
  readonly digest: Digest;
  readonly state: 'complete' | 'absent' | 'left-out';
}

export interface PlatformSelection {
  /** The manifests to move, and attestations of them, in the order of the image. */
  readonly manifests: readonly ManifestState[];
  /** Everything to move, each blob once and after those it refers to: configs, layers, manifests, indexes. */
  readonly descriptors: readonly Descriptor[];
  /** Every manifest of the image but attestations. */
  readonly platforms: readonly SelectedPlatform[];
}

/**
 * Decides what of an image is moved: by default everything that is complete, whatever the machine it runs on. What
 * is absent is accepted and listed. Manifests without a platform are kept in any case, and an attestation goes
 * where the manifest goes that it attests.
 *
 * @throws {StowageError} NOT_FOUND if nothing is complete, or a required platform is absent; INVALID if something
 *   wanted is damaged: its config or a layer is missing. `detail.digest` is the manifest, `detail.missing` what lacks.
 */
export function selectPlatforms(inspection: Inspection, options: SelectionOptions): PlatformSelection {
  const images = imagesOf(inspection);
  const wanted = wantedOf(images, options);
  checkDamage(wanted, options, askedFor(wanted, options));
  if (images.every(({ state }) => state === 'absent')) throw nothingComplete(images, inspection, options);
  checkRequired(images, inspection, options);
  const selected = new Set(wanted.filter(({ state }) => state === 'complete'));
  if (selected.size === 0) throw nothingComplete(images, inspection, options);
  const moved = new Set([...selected].map(({ descriptor }) => descriptor.digest));
  const isImage = new Set(images);
  const attestations = inspection.manifests.filter(
    (manifest) => !isImage.has(manifest) && moved.has(manifest.attests as Digest),
  );
  checkDamage(attestations, options);
  for (const manifest of attestations) if (manifest.state === 'complete') selected.add(manifest);
  const manifests = inspection.manifests.filter((manifest) => selected.has(manifest));
  return {
    manifests,
    descriptors: descriptorsOf(manifests, inspection.indexes),
    platforms: images.map((manifest) => selectedPlatform(manifest, selected)),
  };
}

/** `os/arch[/variant]` of a manifest, in the form in which platforms compare. */
export function platformName({ platform }: Pick<ManifestState, 'platform'>): string | undefined {
  return platform && formatPlatform(normalizePlatform(platform));
}

/** The manifests of an image but attestations of something in the same image. */
export function imagesOf({ manifests }: Inspection): ManifestState[] {
  const digests = new Set(manifests.map(({ descriptor }) => descriptor.digest));
  return manifests.filter(({ attests }) => attests === undefined || !digests.has(attests));
}

/** Those that were asked for: all, or the platforms named, with what runs on no platform in particular. */
export function wantedOf(
  images: readonly ManifestState[],
  { platforms }: Pick<SelectionOptions, 'platforms'>,
): ManifestState[] {
  if (platforms === undefined || platforms.length === 0) return [...images];
  const matchers = platforms.map(onlyStrict);
  return images.filter(
    ({ platform }) => platform === undefined || matchers.some((matcher) => matcher.match(platform)),
  );
}

function checkDamage(wanted: readonly ManifestState[], options: SelectionOptions, asked?: string): void {
  const damaged = wanted.find(({ state }) => state === 'damaged');
  if (damaged === undefined) return;
  const [first] = damaged.missing;
  const more = damaged.missing.length > 1 ? ` and ${damaged.missing.length - 1} more` : '';
  throw new StowageError(
    'INVALID',
    `Cannot use image ${options.image}${asked === undefined ? '' : ` with ${asked}`}: ${titleOf(damaged)} is damaged, ` +
      `it lacks ${JSON.stringify(first?.digest)}${more}`,
    {
      detail: {
        digest: damaged.descriptor.digest,
        platform: platformName(damaged),
        missing: damaged.missing.map(({ digest }) => digest),
      },
      hint: 'get the image again, or choose other platforms with --platform',
    },
  );
}

function checkRequired(
  images: readonly ManifestState[],
  inspection: Inspection,
  options: SelectionOptions,
): void {
  const { platforms = [], require = 'present', requiredBy = '--require' } = options;
  for (const platform of platforms) checkPlatform(platform, '--platform', images, inspection, options);
  if (require === 'present') return;
  if (require !== 'all') {
    for (const platform of require) checkPlatform(platform, requiredBy, images, inspection, options);
    return;
  }
  const incomplete = images.find(({ state }) => state !== 'complete');
  if (incomplete === undefined) return;
  const asked = requiringAll(requiredBy);
  checkDamage([incomplete], options, asked);
  throw new StowageError(
    'NOT_FOUND',
    `Cannot use image ${options.image} with ${asked}: ${titleOf(incomplete)} is absent`,
    {
      detail: { digest: incomplete.descriptor.digest, platform: platformName(incomplete) },
      hint: `leave out ${asked} to take what is there`,
    },
  );
}

/** The flag because of which the first damaged one of these cannot be passed over, if there is one. */
function askedFor(wanted: readonly ManifestState[], options: SelectionOptions): string | undefined {
  const { platforms = [], require, requiredBy = '--require' } = options;
  const damaged = wanted.find(({ state }) => state === 'damaged');
  const platform = damaged?.platform;
  if (platform !== undefined && platforms.some((each) => onlyStrict(each).match(platform))) {
    return `--platform ${formatPlatform(normalizePlatform(platform))}`;
  }
  return require === 'all' ? requiringAll(requiredBy) : undefined;
}

/** What has required every platform, as it was written. */
function requiringAll(requiredBy: string): string {
  return requiredBy === '--require' ? '--require all' : requiredBy;
}

function checkPlatform(
  platform: Platform,
  flag: string,
  images: readonly ManifestState[],
  inspection: Inspection,
  options: SelectionOptions,
): void {
  const matcher = onlyStrict(platform);
  const matching = images.filter((manifest) => manifest.platform && matcher.match(manifest.platform));
  if (matching.some(({ state }) => state === 'complete')) return;
  const name = formatPlatform(normalizePlatform(platform));
  const asked = `${flag} ${name}`;
  checkDamage(matching, options, asked);
  const [absent] = matching;
  const problem =
    absent === undefined ? `it has no platform ${name}` : `${titleOf(absent)} is listed but absent`;
  throw new StowageError('NOT_FOUND', `Cannot use image ${options.image} with ${asked}: ${problem}`, {
    detail: { digest: absent?.descriptor.digest ?? inspection.target.digest, platform: name },
    hint: whatIsThere(images),
  });
}

function nothingComplete(
  images: readonly ManifestState[],
  { target }: Inspection,
  options: SelectionOptions,
): StowageError {
  const isTarget = images.length === 1 && images[0]?.descriptor.digest === target.digest;
  const absent = images.find(({ state }) => state === 'absent');
  const problem = isTarget
    ? `its target ${JSON.stringify(target.digest)} is absent`
    : `no platform is complete, ${images.length} ${images.length === 1 ? 'is' : 'are'} listed` +
      (absent === undefined ? '' : `: ${titleOf(absent)} is absent`);
  return new StowageError('NOT_FOUND', `Cannot use image ${options.image}: ${problem}`, {
    detail: { digest: target.digest, platforms: images.map(platformName) },
  });
}

function titleOf(manifest: ManifestState): string {
  const name = platformName(manifest);
  return `${name === undefined ? '' : `platform ${name}, `}manifest ${JSON.stringify(manifest.descriptor.digest)}`;
}

function whatIsThere(images: readonly ManifestState[]): string {
  const complete = images.filter(({ state }) => state === 'complete').map(platformName);
  const names = [...new Set(complete.filter((name) => name !== undefined))];
  return names.length === 0 ? 'no platform of it is complete' : `complete are: ${names.join(', ')}`;
}

function selectedPlatform(manifest: ManifestState, selected: ReadonlySet<ManifestState>): SelectedPlatform {
  const left = manifest.state === 'absent' ? 'absent' : 'left-out';
  return {
    platform: platformName(manifest),
    digest: manifest.descriptor.digest,
    state: selected.has(manifest) ? 'complete' : left,
  };
}

function descriptorsOf(manifests: readonly ManifestState[], indexes: readonly Descriptor[]): Descriptor[] {
  const byDigest = new Map<Digest, Descriptor>();
  const parts = manifests.flatMap(({ held }) => held);
  for (const descriptor of [...parts, ...manifests.map((manifest) => manifest.descriptor), ...indexes]) {
    if (!byDigest.has(descriptor.digest)) byDigest.set(descriptor.digest, descriptor);
  }
  return [...byDigest.values()];
}
