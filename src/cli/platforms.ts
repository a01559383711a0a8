import type { SelectedPlatform } from '../content/platform-selection.js';
import type { Platform } from '../oci/platform.js';
import { parsePlatform } from '../oci/platform-specifier.js';

/** Values of `--platform`; undefined where the flag was not given. */
export function parsePlatforms(texts: readonly string[] | undefined): Platform[] | undefined {
  return texts?.map((text) => parsePlatform(text));
}

/** Platforms an image speaks of that are not there, as text for a person; empty if all are. */
export function absentPlatforms(states: readonly SelectedPlatform[]): string {
  return states
    .filter(({ state }) => state === 'absent')
    .map(({ platform, digest }) => platform ?? digest)
    .join(', ');
}
