import { StowageError } from '../errors.js';
import type { CallOptions } from '../content/store.js';
import { isOvertaken } from './change.js';
import { ATTEMPTS, heldImages, namesKeepChanging } from './held-images.js';
import type { ImageChange, ImageRecord, ImageStore, Store } from './store.js';
import { underLease } from './under-lease.js';

export interface TagOptions extends CallOptions {
  /** Takes a name away from another image. @default false */
  readonly force?: boolean;
}

/**
 * Gives an image further names, all of them or none, with the labels of its record. The image is held meanwhile: should
 * somebody take its last other name away and collect, the new names still name all of it.
 *
 * @param source the image as {@link heldImages} finds it.
 * @throws {StowageError} NOT_FOUND if there is no such image (any more); ALREADY_EXISTS if another image has one of the
 *   names, unless `force`; BUSY if others are always faster.
 */
export async function tagImage(
  store: Store,
  source: string,
  names: readonly string[],
  { force = false, signal }: TagOptions = {},
): Promise<void> {
  await underLease(
    store,
    async (view) => {
      const attempt = `tag ${JSON.stringify(source)}`;
      for (let count = 0; count < ATTEMPTS; count++) {
        const [image] = await heldImages(view, [source], attempt, { signal });
        if (await assign(view.images, image!, names, force, signal)) return;
      }
      throw namesKeepChanging(attempt, [source, ...names]);
    },
    { signal },
  );
}

/** False if somebody else changed one of the names in between. */
async function assign(
  images: ImageStore,
  image: ImageRecord,
  names: readonly string[],
  force: boolean,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const changes: ImageChange[] = [];
  for (const name of names) {
    const change = changeFor(image, name, await images.get(name, { signal }), force);
    if (change !== undefined) changes.push(change);
  }
  try {
    if (changes.length > 0) await images.apply(changes, { signal });
    return true;
  } catch (error) {
    if (isOvertaken(error)) return false;
    throw error;
  }
}

function changeFor(
  { target, labels }: ImageRecord,
  name: string,
  held: ImageRecord | undefined,
  force: boolean,
): ImageChange | undefined {
  if (held === undefined) return { op: 'create', name, target, labels };
  if (held.target.digest === target.digest) return undefined;
  if (!force) {
    throw new StowageError(
      'ALREADY_EXISTS',
      `Cannot tag ${JSON.stringify(name)}: it names another image, ${held.target.digest}`,
      { detail: { name, digest: held.target.digest } },
    );
  }
  return { op: 'update', name, target, labels, replaceLabels: true, ifTarget: held.target.digest };
}
