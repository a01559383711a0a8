import { StowageError } from '../../errors.js';
import type { Algorithm } from '../../oci/digest.js';
import type { SharedConnection } from './database/connection.js';
import type { CopyLanes } from '../../io/copy-lanes.js';
import type { Files } from './files.js';
import type { Gathering } from './gathering.js';
import type { Holders } from './holders.js';
import type { Paths } from './paths.js';
import { settled } from './settled.js';

/** Everything that one root needs once in a process: its connection, and the proof that this process is alive. */
export interface Place {
  readonly paths: Paths;
  readonly files: Files;
  readonly connection: SharedConnection;
  readonly holders: Holders;
  /** Who copies large blobs; nobody but this thread where the files are not those of the machine. */
  readonly lanes: CopyLanes | undefined;
  /** Of the puts of this process. */
  readonly puts: Gathering;
  /** Marks of the ingests this process has open; see ingest-folder.ts. */
  readonly openIngests: Set<string>;
  /** Algorithms whose folder of blobs is known to survive a power cut. */
  readonly durableFolders: Set<Algorithm>;
  /** Ends it all; called when nobody uses the place any more. */
  readonly close: () => Promise<void>;
}

interface Entry {
  readonly opening: Promise<Place>;
  references: number;
  /** Set when the last share has been given back, until nothing is open any more. */
  closing?: Promise<void>;
}

/**
 * Kept where every copy of this module in the process finds it: POSIX locks belong to the process, so two connections
 * that do not know of each other drop each other's locks.
 */
const REGISTRY = Symbol.for('stowage.dir.connections');

function registry(): Map<string, Entry> {
  const holder = globalThis as { [REGISTRY]?: Map<string, Entry> };
  holder[REGISTRY] ??= new Map();
  return holder[REGISTRY];
}

/** A share in a place. */
export interface Share {
  readonly place: Place;
  /** Gives the share back; the last one closes the place. To be called once. */
  readonly release: () => Promise<void>;
}

/**
 * A share in the place of that name, opened by `open` if nobody has one. Several wait for the same opening, and for
 * the end of a place that is being closed: never are two of the same name open.
 */
export async function share(
  name: string,
  open: () => Promise<Place>,
  signal: AbortSignal | undefined,
): Promise<Share> {
  const places = registry();
  for (let closing = places.get(name)?.closing; closing; closing = places.get(name)?.closing) {
    await settled(
      closing.catch(() => {}),
      signal,
    );
  }
  const entry: Entry = places.get(name) ?? { opening: open(), references: 0 };
  places.set(name, entry);
  entry.references += 1;
  const release = async () => {
    entry.references -= 1;
    if (entry.references > 0) return;
    entry.closing = entry.opening.then((place) => place.close()).finally(() => places.delete(name));
    await entry.closing;
  };
  try {
    return { place: await settled(entry.opening, signal), release };
  } catch (error) {
    // Either nothing was opened, or nobody is left to wait for it.
    release().catch(() => {});
    throw error;
  }
}

/** Whether this process has the place of that name open, and is not about to close it. */
export function isShared(name: string): boolean {
  const entry = registry().get(name);
  return entry !== undefined && entry.closing === undefined;
}

/** The error for a call that would change a store which is open for reading only. */
export function readOnlyError(root: string, attempt: string): StowageError {
  return new StowageError(
    'DENIED',
    `Cannot ${attempt}: the store at ${JSON.stringify(root)} is open for reading only`,
    {
      detail: { root },
      hint: 'unless it was opened so on purpose, this user cannot write to all of it; stowage fsck says to what',
    },
  );
}
