import { join } from 'node:path';
import { isStowageError, StowageError } from '../../../errors.js';
import { children } from '../../../oci/children.js';
import type { Algorithm, Digest } from '../../../oci/digest.js';
import { guessMediaType } from '../../../oci/guess-media-type.js';
import { MANIFEST_LIMIT } from '../../../oci/json.js';
import { parseDocument } from '../../../oci/manifest.js';
import { isBusy } from '../database/errors.js';
import { loadLibrary, type Database } from '../database/library.js';
import { openForWriting } from '../database/open.js';
import type { Files } from '../files.js';
import { Gathering } from '../gathering.js';
import { HOLDER_SUFFIX, Holders } from '../holders.js';
import { rememberGeneration, VISIBLE_NAMESPACE } from '../index-file.js';
import { entriesOf, generationOf, isIndex } from '../layout.js';
import type { Paths } from '../paths.js';
import { touchNamespace } from '../view.js';
import { adoptPlanned, planAdoption, type Entry } from './adopt-index.js';
import { checkBlobs } from './check-blobs.js';
import { Check, type CheckSetting } from './check.js';
import { quarantineTogether } from './mend.js';

/** The holder whose lock keeps two of these apart. */
const REBUILDER = '00000000-0000-4000-8000-000000000001';

/** Files of a database beside it. */
const BESIDE = ['-wal', '-shm'];

export interface Rebuilt {
  readonly done: string;
  /** Blobs that were hashed and are sound. */
  readonly proven: ReadonlySet<Digest>;
}

/**
 * Makes a new database from what is in the root: images from `index.json`, content from the blobs these lead to, labels
 * from manifests. It is whole before the old one is moved to quarantine and it takes its place, so that an end at any
 * moment leaves either no database, which nobody takes for a new store, or a whole one.
 *
 * What only the old one knew is lost: names and labels of other namespaces, whose images are called `recovered@…`,
 * labels of images, leases.
 *
 * @throws {StowageError} BUSY if others use the store.
 */
export async function rebuildDatabase(
  paths: Paths,
  files: Files,
  setting: Omit<CheckSetting, 'place' | 'writable' | 'repair' | 'hash' | 'onFinding'>,
): Promise<Rebuilt> {
  const lock = await lockAlone(paths, files);
  const fresh = `${paths.database}.new`;
  try {
    for (const end of ['', ...BESIDE]) await files.unlink(fresh + end);
    const library = await loadLibrary();
    const connection = await openForWriting(library, fresh);
    let done: string;
    const proven = new Set<Digest>();
    try {
      const holders = new Holders(library, connection, paths, files);
      const place = {
        paths,
        files,
        connection,
        holders,
        lanes: undefined,
        openIngests: new Set<string>(),
        durableFolders: new Set<Algorithm>(),
        puts: new Gathering(),
        close: async () => {},
      };
      const check = new Check({
        ...setting,
        place,
        writable: true,
        repair: false,
        hash: true,
        // Files that are not what they say are told of when the store is checked with its new database.
        onFinding: () => {},
      });
      await checkBlobs(check);
      for (const digest of check.strays.keys()) proven.add(digest);
      done = await fill(check);
    } finally {
      await connection.close();
    }
    for (const end of BESIDE) await files.unlink(fresh + end);
    const old = ['', ...BESIDE].map((end) => paths.database + end);
    const moved = quarantineTogether({ files, paths }, old);
    files.sync.rename(fresh, paths.database);
    files.sync.syncFolder(paths.root);
    return { done: moved === undefined ? done : `${done}; moved the old one to ${moved}`, proven };
  } finally {
    lock.close();
    await files.unlink(paths.holder(REBUILDER));
  }
}

async function lockAlone(paths: Paths, files: Files): Promise<Database> {
  const library = await loadLibrary();
  await files.makeFolder(paths.holders);
  const path = paths.holder(REBUILDER);
  const lock = library.open(path);
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    for (const name of await files.list(paths.holders)) {
      if (join(paths.holders, name) === path || !name.endsWith(HOLDER_SUFFIX)) continue;
      if (isLocked(library.open(join(paths.holders, name)))) throw inUse(paths);
    }
    return lock;
  } catch (error) {
    lock.close();
    throw isBusy(error) ? inUse(paths) : error;
  }
}

function isLocked(probe: Database): boolean {
  try {
    probe.exec('PRAGMA busy_timeout = 0; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return false;
  } catch (error) {
    if (isBusy(error)) return true;
    throw error;
  } finally {
    probe.close();
  }
}

/** The error for a repair that nobody else may see. */
export function inUse({ root }: Paths): StowageError {
  return new StowageError(
    'BUSY',
    `Cannot make a new database for the store at ${JSON.stringify(root)}: other processes use it`,
    { detail: { root }, hint: 'let them end, then repair it again' },
  );
}

async function fill(check: Check): Promise<string> {
  const { connection, files, paths } = check.place;
  const text = await files.readText(paths.index);
  const bytes = text === undefined ? undefined : Buffer.from(text);
  const hasIndex = bytes !== undefined && isIndex(bytes);
  const plan = await planAdoption(check, hasIndex ? entriesOf(bytes) : await topDocuments(check));
  const names = await connection.transaction((transaction) => {
    touchNamespace({ namespace: VISIBLE_NAMESPACE }, transaction);
    rememberGeneration(transaction, (bytes && generationOf(bytes)) ?? 0);
    return adoptPlanned(check, transaction, plan);
  });
  const from = hasIndex ? 'index.json' : 'the manifests that are there';
  return `made a new one with ${names.length} ${names.length === 1 ? 'image' : 'images'} from ${from}`;
}

/** Manifests and indexes that nothing refers to: all that is left of names where there is no index. */
async function topDocuments(check: Check): Promise<readonly Entry[]> {
  const { files, paths } = check.place;
  const entries: Entry[] = [];
  const below = new Set<Digest>();
  for (const [digest, size] of check.strays) {
    if (size > MANIFEST_LIMIT) continue;
    const raw = Buffer.from((await files.readText(paths.blob(digest))) ?? '');
    const mediaType = raw[0] === 0x7b ? guessMediaType(raw) : undefined;
    if (mediaType === undefined) continue;
    try {
      for (const child of children(parseDocument(raw, mediaType, 'a blob'))) below.add(child.digest);
      entries.push({ target: { mediaType, digest, size } });
    } catch (error) {
      if (!isStowageError(error)) throw error;
    }
  }
  return entries.filter(({ target }) => !below.has(target.digest));
}
