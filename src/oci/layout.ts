import * as v from 'valibot';
import { StowageError } from '../errors.js';
import { objectWith, parseJson, validate } from './json.js';

/** The one version of the image layout there is (image-spec image-layout.md). */
export const LAYOUT_VERSION = '1.0.0';

const layoutSchema = objectWith({
  imageLayoutVersion: v.pipe(v.string('a string'), v.nonEmpty('a version')),
});

/**
 * Reads the file `oci-layout`.
 *
 * @throws {StowageError} INVALID if it is not one; UNSUPPORTED if it is of another version.
 */
export function parseOciLayout(bytes: Uint8Array, what = 'oci-layout'): { imageLayoutVersion: '1.0.0' } {
  const { imageLayoutVersion } = validate(layoutSchema, parseJson(bytes, what, { uniqueKeys: true }), what);
  if (imageLayoutVersion !== LAYOUT_VERSION) {
    throw new StowageError(
      'UNSUPPORTED',
      `Cannot read ${what}: unsupported OCI version ${JSON.stringify(imageLayoutVersion)}`,
      { detail: { imageLayoutVersion }, hint: `only ${LAYOUT_VERSION} is known` },
    );
  }
  return { imageLayoutVersion };
}
