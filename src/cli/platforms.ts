import type { Platform } from '../oci/platform.js';
import { parsePlatform } from '../oci/platform-specifier.js';

/** Values of `--platform`; undefined where the flag was not given. */
export function parsePlatforms(texts: readonly string[] | undefined): Platform[] | undefined {
  return texts?.map((text) => parsePlatform(text));
}
