import { resolve } from 'node:path';
import type { OnProgress } from '../../../content/progress.js';
import { fromSystemError, isStowageError, pathOf, StowageError } from '../../../errors.js';
import { CopyLanes, type CopyLanesOptions } from '../../../io/copy-lanes.js';
import { checkFileSystem } from '../file-system.js';
import type { Files } from '../files.js';
import { nodeFiles } from '../node-files.js';
import { openPlace } from '../open-place.js';
import type { StoreInternals } from '../open-store.js';
import { DATABASE, Paths } from '../paths.js';
import type { Digest } from '../../../oci/digest.js';
import { isShared, readOnlyError, share } from '../place.js';
import { nearestFolder, createFolders, lostDatabase, prepareRoot } from '../root.js';
import { checkBlobs } from './check-blobs.js';
import { checkDatabase, databaseDamaged } from './check-database.js';
import { checkImages } from './check-images.js';
import { checkIndex } from './check-index.js';
import { checkLeftovers } from './check-leftovers.js';
import { checkPermissions } from './check-permissions.js';
import { checkRecords } from './check-records.js';
import { checkStrays } from './check-strays.js';
import { Check, findingOf, type Draft } from './check.js';
import { inUse, rebuildDatabase } from './rebuild.js';
import { StoreFindings, type StoreFinding, type StoreReport } from './report.js';

/** Blobs are hashed several at once, with threads; what is found is the same. */
export interface CheckStoreOptions extends CopyLanesOptions {
  /** The folder of the store. */
  readonly root: string;
  /** Reads every blob and hashes it; else only names, sizes and records are compared. @default true */
  readonly hash?: boolean;
  /**
   * Mends what is found: what is damaged or foreign is moved to the folder `quarantine` of the root, with its records
   * gone an import of the same image heals it; leftovers are removed; a lost database is made anew. @default false
   */
  readonly repair?: boolean;
  /** As for `openStore`. @default false */
  readonly allowNetworkFileSystem?: boolean;
  /** Told of everything as it is found. */
  readonly onFinding?: (finding: StoreFinding) => void;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/**
 * Checks a store, all its namespaces: the content of every blob, files against records and records against files, images
 * against content, the files that other tools read, and what killed processes left. Others may use the store meanwhile:
 * what seems wrong is looked at again under the write lock before it is told. Only with `repair` it changes anything, and
 * may end at any moment without harm: files go first, then records, each step whole. Names of images are never removed.
 * Where the disk is too full for a lock, nothing is told before it is sure that nobody changed the store meanwhile.
 *
 * @throws {StowageError} NOT_FOUND if there is no store; INVALID if the folder is something else; else as `openStore`,
 *   except that a damaged store is no error but the outcome; DENIED to repair what cannot be written; BUSY if a database
 *   has to be made anew while others use the store, or if they changed it while there was no space for a lock.
 */
export async function checkStore(
  options: CheckStoreOptions,
  internals: StoreInternals = {},
): Promise<StoreReport> {
  const { signal, onProgress, hash = true, repair = false } = options;
  signal?.throwIfAborted();
  const files = internals.files ?? nodeFiles;
  const paths = new Paths(resolve(options.root));
  const findings = new StoreFindings();
  const onFinding = (finding: StoreFinding) => {
    findings.add(finding);
    options.onFinding?.(finding);
  };
  // Another thread would read past whatever stands in for the files.
  const lanes = new CopyLanes(files === nodeFiles ? options : { workers: 0 });
  const setting = { lanes, onProgress, signal };
  try {
    if (options.allowNetworkFileSystem !== true) {
      checkFileSystem(await files.fileSystemType(await nearestFolder(files, paths.root)), paths.root);
    }
    let proven: ReadonlySet<Digest> | undefined;
    /** Whether there is nothing more to do. */
    const isEnd = async (draft: Draft): Promise<boolean> => {
      const rebuilt =
        repair && proven === undefined ? await rebuildDatabase(paths, files, setting) : undefined;
      onFinding(findingOf({ hint: REBUILD, ...draft }, { repairable: true, repaired: rebuilt?.done }));
      proven = rebuilt?.proven;
      return rebuilt === undefined;
    };
    const lost = await lostDatabase(files, paths);
    if (lost !== undefined) {
      const message = `it is ${lost}, while there are images`;
      if (await isEnd({ code: 'database-missing', where: DATABASE, message }))
        return findings.report(NOTHING);
    }
    const writable = await prepareRoot(files, paths, true);
    if (repair && !writable) throw readOnlyError(paths.root, 'repair the store');
    if (repair) await createFolders(files, paths, true);
    const identity = await files.identify(paths.root);
    const open = (mode: 'write' | 'unwritable') => {
      const name = mode === 'write' || isShared(identity) ? identity : `${identity} reading`;
      return share(name, () => openPlace(paths, files, mode), signal);
    };
    for (;;) {
      let damage: Draft;
      let unlocked: string | undefined;
      const unsure: StoreFinding[] = [];
      const beSure = async () => {
        if (unlocked !== undefined && unlocked !== (await stateOf(paths, files)))
          throw changedMeanwhile(paths);
        unsure.forEach(onFinding);
      };
      try {
        const { place, release } = await open(writable ? 'write' : 'unwritable').catch(
          async (error: unknown) => {
            // SQLite needs room for an index of its log. What is on a full disk can be read without.
            if (!writable || repair || !isStowageError(error, 'NO_SPACE')) throw error;
            unlocked = await stateOf(paths, files);
            return open('unwritable');
          },
        );
        try {
          const locks = writable && unlocked === undefined;
          const tell = unlocked === undefined ? onFinding : (finding: StoreFinding) => unsure.push(finding);
          const check = new Check({
            ...setting,
            place,
            writable: locks,
            repair,
            hash,
            proven,
            onFinding: tell,
          });
          const problem = await checkDatabase(check);
          const blobs = problem === undefined ? await runSteps(check) : NOTHING;
          await beSure();
          if (problem === undefined) return findings.report(blobs);
          damage = problem;
        } finally {
          await release();
        }
      } catch (error) {
        if (!isDamage(error)) throw error;
        await beSure();
        damage = databaseDamaged(error.message);
      }
      if (repair && isShared(identity)) throw inUse(paths);
      if (await isEnd(damage)) return findings.report(NOTHING);
    }
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) throw error;
    const where = pathOf(error);
    const what = where === undefined || where === paths.root ? '' : `, in ${JSON.stringify(where)}`;
    throw fromSystemError(error, `Cannot check the store at ${JSON.stringify(paths.root)}${what}`);
  } finally {
    await lanes.close();
  }
}

const REBUILD = '--repair makes a new one from index.json and the blobs';
const NOTHING: StoreReport['blobs'] = { count: 0, bytes: 0, hashedBytes: 0 };

/**
 * Content first, so that images can be told what of theirs is lost; what is on no record is taken away only after
 * everybody who may need it was asked.
 */
async function runSteps(check: Check): Promise<StoreReport['blobs']> {
  await checkPermissions(check);
  const blobs = await checkBlobs(check);
  await checkRecords(check);
  await checkIndex(check);
  await checkStrays(check);
  await checkImages(check);
  await checkLeftovers(check);
  return blobs;
}

/** Changes with the records: what others change without a lock that would keep them from it may look like damage. */
async function stateOf({ database }: Paths, files: Files): Promise<string> {
  return JSON.stringify([await files.stat(database), await files.stat(`${database}-wal`)]);
}

function changedMeanwhile({ root }: Paths): StowageError {
  return new StowageError(
    'BUSY',
    `Cannot check the store at ${JSON.stringify(root)}: it was changed meanwhile, and the disk is too full for a lock`,
    { detail: { root }, hint: 'make some room, or try again' },
  );
}

/** Whether an error says that the database itself is damaged. */
function isDamage(error: unknown): error is StowageError {
  return isStowageError(error, 'CORRUPT') && ('sqlite' in error.detail || 'version' in error.detail);
}
