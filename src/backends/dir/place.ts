import { StowageError } from '../../errors.js';
import type { Connection } from './database/connection.js';
import type { Files } from './files.js';
import type { Holders } from './holders.js';
import type { Paths } from './paths.js';
import { settled } from './settled.js';

/** Everything that one root needs once in a process: its connection, and the proof that this process is alive. */
export interface Place {
  readonly paths: Paths;
  readonly files: Files;
  readonly connection: Connection;
  readonly holders: Holders;
  /** Ends it all; called when nobody uses the place any more. */
  readonly close: () => Promise<void>;
}

interface Entry {
  readonly opening: Promise<Place>;
  references: number;
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

/** A share in the place of that name, opened by `open` if nobody has one. Several wait for the same opening. */
export async function share(
  name: string,
  open: () => Promise<Place>,
  signal: AbortSignal | undefined,
): Promise<Share> {
  const places = registry();
  const entry = places.get(name) ?? { opening: open(), references: 0 };
  places.set(name, entry);
  entry.references += 1;
  const release = async () => {
    entry.references -= 1;
    if (entry.references > 0) return;
    if (places.get(name) === entry) places.delete(name);
    await (await entry.opening).close();
  };
  try {
    return { place: await settled(entry.opening, signal), release };
  } catch (error) {
    // Either nothing was opened, or nobody is left to wait for it.
    release().catch(() => {});
    throw error;
  }
}

/** Whether this process has the place of that name open. */
export function isShared(name: string): boolean {
  return registry().has(name);
}

/** The error for a call that would change a store which is open for reading only. */
export function readOnlyError(root: string, attempt: string): StowageError {
  return new StowageError(
    'DENIED',
    `Cannot ${attempt}: the store at ${JSON.stringify(root)} is open for reading only`,
    {
      detail: { root },
    },
  );
}
