import type { RequiredPlatforms, SelectedPlatform } from '../content/platform-selection.js';
import type { Platform } from '../oci/platform.js';
import { parsePlatform } from '../oci/platform-specifier.js';

/** Values of `--platform`; undefined where the flag was not given. */
export function parsePlatforms(texts: readonly string[] | undefined): Platform[] | undefined {
  return texts?.map((text) => parsePlatform(text));
}

/** The value of `--require`: `all`, `present`, or platforms with commas between; undefined where it was not given. */
export function parseRequired(text: string | undefined): RequiredPlatforms | undefined {
  if (text === undefined || text === 'all' || text === 'present') return text;
  return text.split(',').map((part) => parsePlatform(part));
}

/** Platforms an image speaks of that are not there, as text for a person; empty if all are. */
export function absentPlatforms(
  states: readonly (Pick<SelectedPlatform, 'platform' | 'digest'> & { readonly state: string })[],
): string {
  return states
    .filter(({ state }) => state === 'absent')
    .map(({ platform, digest }) => platform ?? digest)
    .join(', ');
}
