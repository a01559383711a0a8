import type { Inspection } from '../../content/completeness.js';
import { digestOf } from '../../io/hash.js';
import { parseJson } from '../../oci/json.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { Digest } from '../../oci/digest.js';

/** An image after its indexes were cut down to what is kept. */
export interface ReducedImage {
  /** The target it has now; the one it had, if it lists nothing that is not kept. */
  readonly target: Descriptor;
  /** The indexes it consists of, each after those it lists. */
  readonly indexes: readonly Descriptor[];
  /** The bytes of those that were rewritten. */
  readonly documents: ReadonlyMap<Digest, Uint8Array>;
}

/**
 * Rewrites the indexes of an image, nested ones too, so that they list only the manifests in `kept`; an index that
 * would list nothing goes as well. Everything else they say stays as it is and in its order: annotations, subject,
 * fields nobody here knows. An index that lists nothing else already keeps its bytes.
 *
 * @param kept must hold something the image lists, or the image itself.
 */
export function reduceIndexes(inspection: Inspection, kept: ReadonlySet<Digest>): ReducedImage {
  const indexes: Descriptor[] = [];
  const documents = new Map<Digest, Uint8Array>();
  const done = new Map<Digest, Descriptor | undefined>();

  const reduce = (descriptor: Descriptor): Descriptor | undefined => {
    const { digest } = descriptor;
    const document = inspection.documents.get(digest);
    if (document?.kind !== 'index') return kept.has(digest) ? descriptor : undefined;
    if (!done.has(digest)) done.set(digest, rewrite(descriptor, document.manifests, document.raw));
    const result = done.get(digest);
    return result && moved(descriptor, result);
  };

  const rewrite = (descriptor: Descriptor, children: readonly Descriptor[], raw: Uint8Array) => {
    const reduced = children.map(reduce);
    if (reduced.every((child) => child === undefined)) return undefined;
    if (reduced.every((child, at) => child?.digest === children[at]?.digest)) {
      indexes.push(descriptor);
      return descriptor;
    }
    const bytes = withManifests(raw, reduced);
    const result = { mediaType: descriptor.mediaType, digest: digestOf(bytes), size: bytes.byteLength };
    documents.set(result.digest, bytes);
    indexes.push(result);
    return result;
  };

  const target = reduce(inspection.target);
  if (target === undefined) throw new TypeError('an image of which nothing is kept cannot be reduced');
  return { target, indexes, documents };
}

/** The same entry for other content; what it carried inside was the old. */
function moved(before: Descriptor, { digest, size }: Descriptor): Descriptor {
  if (before.digest === digest) return before;
  const { data: _, ...rest } = before;
  return { ...rest, digest, size };
}

function withManifests(raw: Uint8Array, reduced: readonly (Descriptor | undefined)[]): Uint8Array {
  // It was read as an index before, so its shape is known.
  const fields = parseJson(raw, 'the index') as { readonly manifests: readonly object[] };
  const manifests = fields.manifests.flatMap((entry, at) => {
    const child = reduced[at];
    if (child === undefined) return [];
    const { digest, size } = child;
    if ((entry as Descriptor).digest === digest) return [entry];
    return [Object.fromEntries(Object.entries({ ...entry, digest, size }).filter(([key]) => key !== 'data'))];
  });
  return Buffer.from(JSON.stringify({ ...fields, manifests }));
}
