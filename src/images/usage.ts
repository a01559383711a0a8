import { HeldOutlines } from '../content/held-outlines.js';
import { inspectionKey } from '../content/completeness.js';
import type { CallOptions } from '../content/store.js';
import { DEPTH_LIMIT } from '../content/depth-limit.js';
import { isStowageError, type StowageError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import type { Digest } from '../oci/digest.js';
import type { ImageRecord, Store } from './store.js';

/** What one name takes on the disk, in bytes. Only what is held counts, every blob once. */
export interface ImageUsage {
  readonly record: ImageRecord;
  /** Kept by this name alone: what is free when it is removed. */
  readonly own: number;
  /** Kept by another name as well, of this namespace or any other. */
  readonly shared: number;
  /** What could not be read; what is below it is not counted. */
  readonly problem: StowageError | undefined;
}

export interface Usage {
  readonly images: readonly ImageUsage[];
  /** Bytes of all of them together, every blob once. */
  readonly total: number;
}

/**
 * What images take: those that `isWanted` chooses, compared with all images of all namespaces, because bytes are on the
 * disk once for all of them. Two names for one image have nothing of their own. Leases and labels, which keep content
 * as well, do not count.
 */
export async function imageUsage(
  store: Store,
  isWanted: (record: ImageRecord) => boolean = () => true,
  options: CallOptions = {},
): Promise<Usage> {
  const sizes = new Map<Digest, number>();
  const keepers = new Map<Digest, number>();
  const wanted: { readonly record: ImageRecord; readonly reached: Reached }[] = [];
  for (const namespace of await namespacesOf(store, options)) {
    for (const { record, reached } of await reach(store.namespace(namespace), options)) {
      for (const [digest, size] of reached.sizes) {
        sizes.set(digest, size);
        keepers.set(digest, (keepers.get(digest) ?? 0) + 1);
      }
      if (namespace === store.namespaceName && isWanted(record)) wanted.push({ record, reached });
    }
  }
  const all = new Set(wanted.flatMap(({ reached }) => [...reached.sizes.keys()]));
  const images = wanted.map(({ record, reached }): ImageUsage => {
    const bytes = { own: 0, shared: 0 };
    for (const [digest, size] of reached.sizes) bytes[keepers.get(digest) === 1 ? 'own' : 'shared'] += size;
    return { record, ...bytes, problem: reached.problem };
  });
  return { images, total: [...all].reduce((sum, digest) => sum + (sizes.get(digest) ?? 0), 0) };
}

/** What is held of what an image refers to, with sizes in bytes. */
interface Reached {
  readonly sizes: ReadonlyMap<Digest, number>;
  readonly problem: StowageError | undefined;
}

async function namespacesOf(store: Store, options: CallOptions): Promise<Set<string>> {
  const names = new Set([store.namespaceName]);
  for await (const { name } of store.namespaces.list(options)) names.add(name);
  return names;
}

async function reach(
  { images, content }: Store,
  options: CallOptions,
): Promise<{ record: ImageRecord; reached: Reached }[]> {
  const records: ImageRecord[] = [];
  for await (const record of images.list(options)) records.push(record);
  const outlines = new HeldOutlines(content, options);
  // Level by level, so that everything on one level is asked for at once.
  const seen = new Set<string>();
  let level: readonly Descriptor[] = records.map(({ target }) => target);
  for (let depth = 0; level.length > 0 && depth <= DEPTH_LIMIT; depth++) {
    const fresh = level.filter((each) => !seen.has(inspectionKey(each)) && seen.add(inspectionKey(each)));
    await outlines.load(fresh);
    level = fresh.flatMap((each) => childrenOf(outlines, each).children);
  }
  const known = new Map<string, Reached>();
  return records.map((record) => {
    const key = inspectionKey(record.target);
    const reached = known.get(key) ?? below(outlines, record.target);
    known.set(key, reached);
    return { record, reached };
  });
}

function below(outlines: HeldOutlines, target: Descriptor): Reached {
  const sizes = new Map<Digest, number>();
  const visited = new Set<string>();
  let problem: StowageError | undefined;
  let level: readonly Descriptor[] = [target];
  for (let depth = 0; level.length > 0 && depth <= DEPTH_LIMIT; depth++) {
    const next: Descriptor[] = [];
    for (const descriptor of level) {
      const key = inspectionKey(descriptor);
      if (visited.has(key) || !outlines.holds(descriptor)) continue;
      visited.add(key);
      sizes.set(descriptor.digest, descriptor.size);
      const found = childrenOf(outlines, descriptor);
      problem ??= found.problem;
      for (const child of found.children) next.push(child);
    }
    level = next;
  }
  return { sizes, problem };
}

function childrenOf(
  outlines: HeldOutlines,
  descriptor: Descriptor,
): { readonly children: readonly Descriptor[]; readonly problem?: StowageError } {
  try {
    const outline = outlines.get(descriptor);
    return { children: outline === undefined || outline.kind === 'config' ? [] : outline.children };
  } catch (error) {
    if (!isStowageError(error)) throw error;
    return { children: [], problem: error };
  }
}
