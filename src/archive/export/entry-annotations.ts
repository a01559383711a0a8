import { IMAGE_NAME, REF_NAME } from '../../oci/annotation.js';
import type { Annotations, Descriptor } from '../../oci/descriptor.js';
import { ociRefName } from '../../oci/image-name.js';

/** A name that is exported, and what it points to. */
export interface ExportedName {
  readonly name: string;
  readonly target: Descriptor;
}

/**
 * The entries of the archive's index: one a name, in the order asked for, each with its full name for containerd and
 * its tag as `ref.name` for everybody else. Where two images share a tag, a tag alone would say neither; then each of
 * them is called by its full name.
 *
 * @param refName instead of the tag of the only image.
 */
export function indexEntries(names: readonly ExportedName[], refName?: string): Descriptor[] {
  const digests = new Map<string, Set<string>>();
  for (const { name, target } of names) {
    const short = ociRefName(name);
    digests.set(short, (digests.get(short) ?? new Set()).add(target.digest));
  }
  return names.map(({ name, target }) => {
    const short = ociRefName(name);
    const shared = (digests.get(short)?.size ?? 0) > 1;
    const annotations: Annotations = {
      ...target.annotations,
      [IMAGE_NAME]: name,
      [REF_NAME]: refName ?? (shared ? name : short),
    };
    return { ...target, annotations };
  });
}
