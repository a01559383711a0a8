import { isStowageError } from '../errors.js';
import { areUnchanged } from '../images/put-names.js';
import type { Store } from '../images/store.js';
import type { ImportOptions } from './import-options.js';
import { lackingLabels, wantedNames } from './import-assign.js';
import { namesFor } from './import-names.js';
import { planImport, type ImportPlan } from './import-plan.js';
import type { ArchiveContents } from './layout/archive-contents.js';

/**
 * The plan of an import that has nothing to do, or nothing if it has. To import again what is there writes nothing,
 * takes no lease and costs no more than looking.
 *
 * What is looked at without a lease may go away meanwhile, piece by piece. So the answer counts only if nothing in the
 * store was changed while it was found: then all of it was so in one moment, and whoever takes something away does so
 * after the import. Where the store cannot tell, or others write to it just then, the work is done, which finds the same.
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
  const before = await store.revision?.({ signal });
  if (before === undefined) return undefined;
  const { index, indexDescriptor, what } = contents;
  const named = namesFor(index.manifests, indexDescriptor, what, options);
  const targets = new Map(named.map(({ target }) => [target.digest, target]));
  // Most often this is where it ends: a manifest comes after its layers, so what is new lacks it.
  const targetsHeld = await store.content.claim([...targets.values()], { signal });
  if (named.length === 0 || targetsHeld.size < targets.size) return undefined;

  for (const { name } of named) {
    if ((await store.images.get(name, { signal })) === undefined) return undefined;
  }
  const plan = await planImport(
    contents,
    store,
    (content, wanted) => content.claim(wanted, { signal }),
    options,
  );
  const { images, blobs, held } = plan;
  if (images.some(({ problem }) => problem !== undefined)) return undefined;
  if (!blobs.every(({ digest }) => held.has(digest))) return undefined;
  if ((await lackingLabels(store.content, plan, options)).size > 0) return undefined;

  if (!(await areUnchanged(store.images, wantedNames(images, plan, options), { signal }))) return undefined;
  return (await store.revision?.({ signal })) === before ? plan : undefined;
}
