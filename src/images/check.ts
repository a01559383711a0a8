import { inspectImage, inspectionKey, type ManifestState } from '../content/completeness.js';
import type { CallOptions } from '../content/store.js';
import { isStowageError, type StowageError } from '../errors.js';
import type { ImageRecord, Store } from './store.js';

/** A number of blobs, and their bytes. */
export interface Amount {
  readonly blobs: number;
  readonly bytes: number;
}

/** What is there of one image. */
export interface ImageCheck {
  readonly record: ImageRecord;
  /**
   * `complete`: every manifest that is there has all it needs, and at least one is. `incomplete`: one that is there
   * lacks its config or a layer. `unavailable`: no manifest is there. `error`: one cannot be read.
   */
  readonly status: 'complete' | 'incomplete' | 'unavailable' | 'error';
  /** Configs and layers of the manifests that are there: those that are needed, and those of them that are held. */
  readonly required: Amount;
  readonly present: Amount;
  readonly manifests: readonly ManifestState[];
  readonly problem: StowageError | undefined;
}

/**
 * Looks at the disk what is there of images. Manifests are read, and so verified; of configs and layers it is enough
 * that their files are there with their sizes (`fsck` reads them).
 */
export async function* checkImages(
  { content }: Store,
  records: AsyncIterable<ImageRecord> | Iterable<ImageRecord>,
  options: CallOptions = {},
): AsyncGenerator<ImageCheck, void, undefined> {
  // Many names for one image are common.
  const known = new Map<string, Omit<ImageCheck, 'record'>>();
  for await (const record of records) {
    const key = inspectionKey(record.target);
    let check = known.get(key);
    if (check === undefined) {
      check = await checkTarget(content, record, options);
      known.set(key, check);
    }
    yield { record, ...check };
  }
}

async function checkTarget(
  content: Store['content'],
  { target }: ImageRecord,
  options: CallOptions,
): Promise<Omit<ImageCheck, 'record'>> {
  try {
    const has = (targets: Parameters<typeof content.claim>[0]) => content.claim(targets, options);
    const { manifests } = await inspectImage(has, content, target, options);
    const there = manifests.filter(({ state }) => state !== 'absent');
    const present = amountOf(there.map(({ held }) => held));
    const missing = amountOf(there.map((each) => each.missing));
    const required = { blobs: present.blobs + missing.blobs, bytes: present.bytes + missing.bytes };
    const status =
      there.length === 0
        ? 'unavailable'
        : there.some(({ state }) => state === 'damaged')
          ? 'incomplete'
          : 'complete';
    return { status, required, present, manifests, problem: undefined };
  } catch (error) {
    if (!isStowageError(error)) throw error;
    const none = { blobs: 0, bytes: 0 };
    return { status: 'error', required: none, present: none, manifests: [], problem: error };
  }
}

function amountOf(lists: readonly ManifestState['held'][]): Amount {
  // Manifests of one image may share layers.
  const sizes = new Map(lists.flat().map(({ digest, size }) => [digest, size]));
  return { blobs: sizes.size, bytes: [...sizes.values()].reduce((sum, size) => sum + size, 0) };
}
