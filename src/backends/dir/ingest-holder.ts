/** What the file `holder` in the folder of a write in progress says, and what follows from it. */
import { join } from 'node:path';
import type { Place } from './place.js';

/** A holder, and which of its ingests it is. Without the second part it is one that was left for others. */
const MARK = /^([0-9a-f-]{36})(?: [0-9a-f-]{36})?$/;

/** The name of a folder that is not complete yet, with the holder who makes it. */
const MAKER = /^new-([0-9a-f-]{36})\./;

/** In the place of a holder: left behind by a write that will only be continued by doing the same again. */
export const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Whether somebody alive has the folder whose `holder` says so. */
export function isHeld({ holders, openIngests }: Place, named: string): boolean {
  const holder = MARK.exec(named)?.[1];
  if (holder === undefined || holder === NOBODY || !holders.isAlive(holder)) return false;
  return holders.isOwn(holder) ? openIngests.has(named) : true;
}

/** Whether a folder named `new-…` is about to appear under its own name: whoever makes it lives. */
export function isBeingMade({ holders }: Place, name: string): boolean {
  const maker = MAKER.exec(name)?.[1];
  return maker !== undefined && holders.isAlive(maker);
}

/** Whether it belongs to somebody who died, or was left by a write that ended. */
export function isOrphan(place: Place, named: string): boolean {
  return MARK.test(named) && !isHeld(place, named);
}

/** What `holder` says; empty if nobody has it, also after a power cut. */
export async function holderIn({ files }: Place, path: string): Promise<string> {
  return (await files.readText(join(path, 'holder'))) ?? '';
}

/** {@link holderIn} inside a transaction. */
export function textIn({ files }: Place, path: string): string {
  const bytes = files.sync.read(join(path, 'holder'));
  return bytes === undefined ? '' : Buffer.from(bytes).toString();
}
