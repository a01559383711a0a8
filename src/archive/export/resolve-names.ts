import { StowageError } from '../../errors.js';
import type { ContentStore } from '../../content/store.js';
import { heldImages } from '../../images/held-images.js';
import type { Store } from '../../images/store.js';
import type { Digest } from '../../oci/digest.js';
import { OCI_MANIFEST } from '../../oci/media-type.js';
import type { ImageExportOptions } from '../export-options.js';
import type { ExportedName } from './entry-annotations.js';

/**
 * What is to be exported: each name once, in the order asked for, under the name its record has. It is held by the
 * lease of the view.
 *
 * @throws {StowageError} INVALID if no name is given, or several with an option that is for one; NOT_FOUND for a name
 *   or manifest that is not there; BUSY as {@link heldImages}.
 */
export async function resolveNames(
  view: Pick<Store, 'content' | 'images'>,
  names: readonly string[],
  options: ImageExportOptions,
): Promise<ExportedName[]> {
  const [first] = names;
  if (first === undefined) {
    throw new StowageError('INVALID', 'Cannot export: no image is named', {
      hint: 'name at least one image',
    });
  }
  for (const [key, value] of Object.entries({ ociRefName: options.ociRefName, manifest: options.manifest })) {
    if (value !== undefined && names.length > 1) {
      throw new StowageError('INVALID', `Cannot export ${names.length} images: ${key} is for one image`, {
        hint: 'export the images one by one',
      });
    }
  }
  if (options.manifest !== undefined)
    return [await manifestTarget(view.content, first, options.manifest, options)];
  const records = await heldImages(view, names, 'export', options);
  return records.map(({ name, target }) => ({ name, target }));
}

async function manifestTarget(
  content: ContentStore,
  name: string,
  digest: Digest,
  options: ImageExportOptions,
): Promise<ExportedName> {
  const held = await content.stat({ digest }, options);
  if (held === undefined) {
    throw new StowageError(
      'NOT_FOUND',
      `Cannot export manifest ${JSON.stringify(digest)}: it is not in the store`,
      {
        detail: { digest },
      },
    );
  }
  const mediaType = options.manifestType ?? OCI_MANIFEST;
  return { name, target: { mediaType, digest, size: held.size } };
}
