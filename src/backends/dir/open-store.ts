import { resolve } from 'node:path';
import { fromSystemError } from '../../errors.js';
import type { Sharing } from '../../images/namespaces.js';
import type { Store } from '../../images/store.js';
import { checkNamespace } from '../../images/validate.js';
import { checkFileSystem } from './file-system.js';
import type { Files } from './files.js';
import { nodeFiles } from './node-files.js';
import type { CopyLanesOptions } from '../../io/copy-lanes.js';
import { IndexFile } from './index-file.js';
import { openPlace } from './open-place.js';
import { Paths } from './paths.js';
import { isShared, share } from './place.js';
import { keepReserve, withReserve } from './reserve.js';
import { nearestFolder, prepareRoot } from './root.js';
import { DirStore } from './store.js';

export interface StoreOptions extends CopyLanesOptions {
  /** The folder of the store. It is created if it is not there, unless `readOnly`, or `create` is false. */
  readonly root: string;
  /** @default 'default' */
  readonly namespace?: string;
  /** @default 'shared' */
  readonly sharing?: Sharing;
  /**
   * Changes nothing, not even to create the store; every change is refused with DENIED. A root that this process
   * cannot write to is opened so without being asked. @default false
   */
  readonly readOnly?: boolean;
  /**
   * Opens it to remove something: on a full disk this takes the space that the store keeps for that. Removals
   * themselves take it whenever they need it. @default false
   */
  readonly toRemove?: boolean;
  /** Whether a store that is not there is made, rather than refused with NOT_FOUND. @default true */
  readonly create?: boolean;
  /** Accepts a file system whose locks do not keep processes apart; only one may then use the store. @default false */
  readonly allowNetworkFileSystem?: boolean;
  /** Told of things a person should know that are no errors, one line each. @default nobody is told */
  readonly onWarning?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** What tests put in the place of the machine. Of stores that share a root in one process, the first one's counts. */
export interface StoreInternals {
  readonly files?: Files;
}

/**
 * Opens a store in a folder, which any number of processes may use at once; there is no daemon. Its root is an OCI
 * image layout that other tools can read, and must not write. The store does not keep the process alive.
 *
 * @throws {StowageError} NOT_FOUND if the store is not there and not to be made; INVALID if the folder is something else
 *   than a store; UNSUPPORTED on a network file system, for a store of a newer version, or without a usable SQLite; DENIED
 *   where permissions are missing; BUSY if other processes kept it locked for a minute.
 */
export async function openStore(options: StoreOptions, internals: StoreInternals = {}): Promise<Store> {
  const { namespace = 'default', sharing = 'shared', onWarning = () => {}, signal } = options;
  signal?.throwIfAborted();
  checkNamespace(namespace);
  const files = internals.files ?? nodeFiles;
  const paths = new Paths(resolve(options.root));
  const attempt = `Cannot open a store at ${JSON.stringify(paths.root)}`;
  try {
    if (options.allowNetworkFileSystem !== true) {
      checkFileSystem(await files.fileSystemType(await nearestFolder(files, paths.root)), paths.root);
    }
    const writable = await prepareRoot(files, paths, options.readOnly === true, options.create !== false);
    const readOnly = options.readOnly === true || !writable;
    const identity = await files.identify(paths.root);
    // Where this process writes to the store already, its connection reads as well.
    const name = readOnly && !isShared(identity) ? `${identity} reading` : identity;
    const mode = readOnly ? (writable ? 'read' : 'unwritable') : 'write';
    const toRemove = options.toRemove === true;
    const opened = async () => {
      const opening = await share(name, () => openPlace(paths, files, mode, options), signal);
      if (readOnly) return opening;
      try {
        await new IndexFile(paths, files).reconcile(opening.place.connection, onWarning, signal);
        await opening.place.holders.clearDead({ signal });
        if (!toRemove) await keepReserve({ paths, files });
        return opening;
      } catch (error) {
        await opening.release();
        throw error;
      }
    };
    const { place, release } = await (toRemove && !readOnly
      ? withReserve({ paths, files }, opened)
      : opened());
    return DirStore.open({ place, namespace, lease: undefined, sharing, readOnly }, release);
  } catch (error) {
    throw signal?.aborted === true && error === signal.reason ? error : fromSystemError(error, attempt);
  }
}
