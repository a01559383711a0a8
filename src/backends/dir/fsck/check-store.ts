import { resolve } from 'node:path';
import type { OnProgress } from '../../../content/progress.js';
import { fromSystemError, isStowageError, type StowageError } from '../../../errors.js';
import { checkFileSystem } from '../file-system.js';
import { nodeFiles } from '../files.js';
import { openPlace } from '../open-place.js';
import type { StoreInternals } from '../open-store.js';
import { DATABASE, Paths } from '../paths.js';
import { isShared, share } from '../place.js';
import { nearestFolder, lostDatabase, prepareRoot } from '../root.js';
import { checkBlobs } from './check-blobs.js';
import { checkDatabase, databaseDamaged } from './check-database.js';
import { checkImages } from './check-images.js';
import { checkIndex } from './check-index.js';
import { checkLeftovers } from './check-leftovers.js';
import { checkPermissions } from './check-permissions.js';
import { checkRecords } from './check-records.js';
import { checkStrays } from './check-strays.js';
import { Check, findingOf, type Draft } from './check.js';
import { StoreFindings, type StoreFinding, type StoreReport } from './report.js';

export interface CheckStoreOptions {
  /** The folder of the store. */
  readonly root: string;
  /** Reads every blob and hashes it; else only names, sizes and records are compared. @default true */
  readonly hash?: boolean;
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
 * what seems wrong is looked at again under the write lock before it is told. It changes nothing.
 *
 * @throws {StowageError} NOT_FOUND if there is no store; INVALID if the folder is something else; else as `openStore`,
 *   except that a damaged store is no error but the outcome.
 */
export async function checkStore(
  options: CheckStoreOptions,
  internals: StoreInternals = {},
): Promise<StoreReport> {
  const { signal, onProgress, hash = true } = options;
  signal?.throwIfAborted();
  const files = internals.files ?? nodeFiles;
  const paths = new Paths(resolve(options.root));
  const findings = new StoreFindings();
  const onFinding = (finding: StoreFinding) => {
    findings.add(finding);
    options.onFinding?.(finding);
  };
  const setting = { repair: false, hash, onFinding, onProgress, signal };
  const tell = (draft: Draft) => onFinding(findingOf(draft, { repairable: true }));
  try {
    if (options.allowNetworkFileSystem !== true) {
      checkFileSystem(await files.fileSystemType(await nearestFolder(files, paths.root)), paths.root);
    }
    const lost = await lostDatabase(files, paths);
    if (lost !== undefined) {
      tell({ code: 'database-missing', where: DATABASE, message: `it is ${lost}` });
      return findings.report(NOTHING);
    }
    const writable = await prepareRoot(files, paths, true);
    const identity = await files.identify(paths.root);
    const name = writable || isShared(identity) ? identity : `${identity} reading`;
    const open = () => openPlace(paths, files, writable ? 'write' : 'unwritable');
    try {
      const { place, release } = await share(name, open, signal);
      try {
        return findings.report(await runSteps(new Check({ ...setting, place, writable }), tell));
      } finally {
        await release();
      }
    } catch (error) {
      if (!isDamage(error)) throw error;
      tell(databaseDamaged(error.message));
      return findings.report(NOTHING);
    }
  } catch (error) {
    if (signal?.aborted === true && error === signal.reason) throw error;
    throw fromSystemError(error, `Cannot check the store at ${JSON.stringify(paths.root)}`);
  }
}

const NOTHING: StoreReport['blobs'] = { count: 0, bytes: 0, hashedBytes: 0 };

/** Content first, so that images can be told what of theirs is lost. */
async function runSteps(check: Check, tell: (draft: Draft) => void): Promise<StoreReport['blobs']> {
  await checkPermissions(check);
  const damage = await checkDatabase(check);
  if (damage !== undefined) {
    tell(damage);
    return NOTHING;
  }
  const blobs = await checkBlobs(check);
  await checkRecords(check);
  await checkStrays(check);
  await checkImages(check);
  await checkIndex(check);
  await checkLeftovers(check);
  return blobs;
}

/** Whether an error says that the database itself is damaged. */
function isDamage(error: unknown): error is StowageError {
  return isStowageError(error, 'CORRUPT') && ('sqlite' in error.detail || 'version' in error.detail);
}
