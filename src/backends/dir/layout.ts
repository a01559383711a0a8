/** The two files that make the root an image layout other tools can read (image-spec image-layout.md). */
import { StowageError } from '../../errors.js';
import { REF_NAME } from '../../oci/annotation.js';
import { parseDescriptor, type Descriptor } from '../../oci/descriptor.js';
import { parseJson } from '../../oci/json.js';
import { LAYOUT_VERSION } from '../../oci/layout.js';
import { OCI_INDEX } from '../../oci/media-type.js';

export const LAYOUT_FILE = JSON.stringify({ imageLayoutVersion: LAYOUT_VERSION });

/** Annotation of `index.json` that counts how often the store has written it, so that it knows its own. */
export const GENERATION = 'stowage.generation';

export interface Named {
  readonly name: string;
  readonly target: Descriptor;
}

/**
 * The text of `index.json`: images by their full names, and targets without one, so that a collector of another tool
 * keeps those too. The same input gives the same text.
 */
export function indexText(
  images: readonly Named[],
  unnamed: readonly Descriptor[],
  generation: number,
): string {
  const named = images.map(({ name, target }) => ({
    mediaType: target.mediaType,
    digest: target.digest,
    size: target.size,
    annotations: { ...target.annotations, [REF_NAME]: name },
  }));
  const listed = new Set(images.map(({ target }) => target.digest));
  const others = unnamed
    .filter(({ digest }) => !listed.has(digest) && listed.add(digest))
    .map(({ mediaType, digest, size }) => ({ mediaType, digest, size }));
  const index = {
    schemaVersion: 2,
    mediaType: OCI_INDEX,
    manifests: [...named, ...others],
    annotations: { [GENERATION]: `${generation}` },
  };
  return JSON.stringify(index);
}

/** The generation that an `index.json` says it is; undefined for one that no store wrote, or that cannot be read. */
export function generationOf(bytes: Uint8Array): number | undefined {
  const text = fieldsOf(bytes)?.annotations?.[GENERATION];
  return typeof text === 'string' && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Whether an `index.json` can be read at all. */
export function isIndex(bytes: Uint8Array): boolean {
  return Array.isArray(fieldsOf(bytes)?.manifests);
}

/** What an `index.json` of any program lists and can be understood, with the names it gives. */
export function entriesOf(bytes: Uint8Array): { readonly name?: string; readonly target: Descriptor }[] {
  const manifests = fieldsOf(bytes)?.manifests;
  if (!Array.isArray(manifests)) return [];
  return manifests.flatMap((entry, place) => {
    try {
      const { annotations = {}, ...target } = parseDescriptor(entry, `index.json: manifests[${place}]`);
      const { [REF_NAME]: name, ...others } = annotations;
      const kept = Object.keys(others).length > 0 ? { annotations: others } : {};
      return [{ ...(name === undefined ? {} : { name }), target: { ...target, ...kept } }];
    } catch (error) {
      if (error instanceof StowageError) return [];
      throw error;
    }
  });
}

interface IndexFields {
  readonly annotations?: Readonly<Record<string, unknown>>;
  readonly manifests?: unknown;
}

function fieldsOf(bytes: Uint8Array): IndexFields | undefined {
  try {
    // The limit is no protection here: a store of many images writes a long index itself.
    return (parseJson(bytes, 'index.json', { limit: Infinity }) as IndexFields | null) ?? undefined;
  } catch (error) {
    if (error instanceof StowageError) return undefined;
    throw error;
  }
}
