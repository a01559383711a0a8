import { isStowageError } from '../errors.js';
import { unchangedNames } from '../images/put-names.js';
import type { ImageRecord, Store } from '../images/store.js';
import type { ImportOptions } from './import-options.js';
import { lackingLabels, wantedNames } from './import-assign.js';
import { namesFor } from './import-names.js';
import { planImport, type ImportPlan } from './import-plan.js';
import type { ArchiveContents } from './layout/archive-contents.js';

/**
 * The plan of an import that has nothing to do, or nothing if it has. To import again what is there writes nothing,
 * takes no lease and costs no more than looking.
 *
 * What is looked at without a lease may go away meanwhile. So the answer holds for one moment: the names are read, then
 * what is held, then the names again, and they are the same records; so while it was seen to be held, the names kept
 * it. Whoever takes something away after that does so after the import.
 */
export async function planWithoutWork(
  contents: ArchiveContents,
  store: Store,
  options: ImportOptions,
): Promise<ImportPlan | undefined> {
  try {
    return await lookAt(contents, store, options);
  } catch (error) {
    // Whoever does the work finds the same again, under a lease; then it is no chance.
    if (isStowageError(error) && options.signal?.aborted !== true) return undefined;
    throw error;
  }
}

async function lookAt(
  contents: ArchiveContents,
  store: Store,
  options: ImportOptions,
): Promise<ImportPlan | undefined> {
  const { signal } = options;
  const { index, indexDescriptor, what } = contents;
  const named = namesFor(index.manifests, indexDescriptor, what, options);
  const targets = new Map(named.map(({ target }) => [target.digest, target]));
  // Most often this is where it ends: a manifest comes after its layers, so what is new lacks it.
  const targetsHeld = await store.content.claim([...targets.values()], { signal });
  if (named.length === 0 || targetsHeld.size < targets.size) return undefined;

  const before = new Map<string, ImageRecord>();
  for (const { name } of named) {
    const record = await store.images.get(name, { signal });
    if (record === undefined) return undefined;
    before.set(name, record);
  }
  const plan = await planImport(
    contents,
    store,
    (content, wanted) => content.claim(wanted, { signal }),
    options,
  );
  const { images, blobs, others, held } = plan;
  const wanted = options.allBlobs === true ? [...blobs, ...others] : blobs;
  if (images.some(({ problem }) => problem !== undefined)) return undefined;
  if (!wanted.every(({ digest }) => held.has(digest))) return undefined;
  if ((await lackingLabels(store.content, plan, options)).size > 0) return undefined;

  const after = await unchangedNames(store.images, wantedNames(images, plan, options), { signal });
  return after?.every((record) => isSame(record, before.get(record.name))) === true ? plan : undefined;
}

function isSame(record: ImageRecord, before: ImageRecord | undefined): boolean {
  return (
    before !== undefined &&
    record.target.digest === before.target.digest &&
    record.createdAt.getTime() === before.createdAt.getTime() &&
    record.updatedAt.getTime() === before.updatedAt.getTime()
  );
}
