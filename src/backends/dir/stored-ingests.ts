import { join } from 'node:path';
import { INGEST_TTL } from '../../content/ingest-terms.js';
import type { Digest } from '../../oci/digest.js';
import type { Queries, Transaction, TransactionOptions } from './database/connection.js';
import type { FileFacts } from './files.js';
import type { Holders } from './holders.js';
import { removeFolder, termsIn, type IngestTerms } from './ingest-folder.js';
import { holderIn, isBeingMade, isHeld, isOrphan } from './ingest-holder.js';
import { progressIn } from './ingest-progress.js';
import type { Place } from './place.js';
import { LEASE_COUNTS, releaseFromLeases } from './view.js';

const FOLDER = /^[0-9a-f]{64}$/;

/** An ingest as it is on the disk. */
export interface StoredIngest extends IngestTerms {
  readonly folder: string;
  /** Bytes that are written. */
  readonly offset: number;
  /** When bytes were last written, or it was opened first. */
  readonly updatedAt: Date;
  /** Changes with the bytes. */
  readonly touched: string;
}

/** What a collector wants to know besides. */
export interface IngestState {
  readonly namespace: string;
  readonly ref: string;
  readonly expected: Digest | undefined;
  readonly folder: string;
  readonly offset: number;
  /** Somebody alive has it open. */
  readonly active: boolean;
  /** Left behind: by a process that died with it open, or a put that ended before its content was there. */
  readonly orphan: boolean;
  /** 24 hours after bytes were last written. */
  readonly expiresAt: Date;
  /** Of the bytes so far; empty if there is no file of them. */
  readonly touched: string;
}

/** Every ingest of every namespace, in no order; those that come or go meanwhile may or may not be among them. */
export async function* storedIngests(place: Place): AsyncIterable<StoredIngest> {
  for (const name of await place.files.list(place.paths.ingests)) {
    if (!FOLDER.test(name)) continue;
    const ingest = await storedIngest(place, join(place.paths.ingests, name));
    if (ingest !== undefined) yield ingest;
  }
}

/** What is in a folder, or undefined if there is none, or it does not say what it is for. */
export async function storedIngest(place: Place, folder: string): Promise<StoredIngest | undefined> {
  const terms = await termsIn(place, folder);
  if (terms === undefined) return undefined;
  const data = await place.files.stat(join(folder, 'data'));
  const written = Math.floor(Number(data?.modified ?? 0) / 1e6);
  const recorded = (await progressIn(place.files, folder))?.updatedAt.getTime() ?? 0;
  const updatedAt = new Date(Math.max(terms.startedAt.getTime(), written, recorded));
  return { ...terms, folder, offset: data?.size ?? 0, updatedAt, touched: touchOf(data) };
}

/** Every ingest of every namespace, for a collector. */
export async function ingestStates(place: Place): Promise<readonly IngestState[]> {
  const states: IngestState[] = [];
  for await (const { namespace, ref, expected, folder, offset, updatedAt, touched } of storedIngests(place)) {
    const named = await holderIn(place, folder);
    const active = isHeld(place, named);
    const expiresAt = new Date(updatedAt.getTime() + INGEST_TTL);
    const orphan = isOrphan(place, named);
    states.push({ namespace, ref, expected, folder, offset, active, orphan, expiresAt, touched });
  }
  return states;
}

/**
 * Removes an ingest that nothing kept when it was looked at, with what leases say of it. Looks again under the write
 * lock: false if it is gone, or somebody has it open, has gone on with it or has taken it under a lease since.
 */
export async function removeIngest(
  place: Place,
  { namespace, ref, folder, touched }: IngestState,
  options: TransactionOptions = {},
): Promise<boolean> {
  const also = (transaction: Transaction) => {
    const now = touchOf(place.files.sync.stat(join(folder, 'data')));
    if (now !== touched || isLeased(transaction, namespace, ref)) return false;
    releaseFromLeases(transaction, namespace, 'ingests', ref);
    return true;
  };
  return removeFolder(place, folder, { ...options, also });
}

/**
 * Removes what crashes left in the folder of ingests that is none: what was about to be removed, and what does not say
 * what it is for and was not touched for `age` milliseconds.
 */
export async function removeStrays(place: Place, age = INGEST_TTL): Promise<void> {
  const { files, paths } = place;
  for (const name of await files.list(paths.ingests)) {
    const folder = join(paths.ingests, name);
    if (name.startsWith('gone-')) await files.removeTree(folder);
    else if (FOLDER.test(name) && (await termsIn(place, folder)) !== undefined) continue;
    else if (name.startsWith('new-')) {
      // Nothing was written into it yet, so nothing can go on with what a dead one began.
      if (!isBeingMade(place, name)) await removeFolder(place, folder);
    } else if (await isOlder(place, folder, age)) await removeFolder(place, folder);
  }
}

/** Removes what nobody has continued for {@link INGEST_TTL} and no lease keeps. */
export async function removeExpired(place: Place): Promise<void> {
  await removeStrays(place);
  for (const ingest of await ingestStates(place)) {
    if (ingest.active || ingest.expiresAt.getTime() > Date.now()) continue;
    await removeIngest(place, ingest);
  }
}

/** Places that were looked through already; once a process is enough. */
const tidied = new WeakSet<Holders>();

/** Removes what others left behind, unless this process has looked already. */
export async function tidyOnce(place: Place): Promise<void> {
  if (tidied.has(place.holders)) return;
  tidied.add(place.holders);
  await removeExpired(place);
}

/** Whether a lease that counts keeps an ingest. */
export function isLeased(queries: Queries, namespace: string, ref: string): boolean {
  const row = queries.get(
    `SELECT 1 FROM lease_resources r JOIN leases l ON l.namespace = r.namespace AND l.id = r.lease
       WHERE r.type = 'ingests' AND r.id = ? AND r.namespace = ? AND ${LEASE_COUNTS}`,
    ref,
    namespace,
    Date.now(),
  );
  return row !== undefined;
}

function touchOf(data: FileFacts | undefined): string {
  return data === undefined ? '' : `${data.inode} ${data.modified} ${data.size}`;
}

async function isOlder({ files }: Place, folder: string, age: number): Promise<boolean> {
  const touched = [await files.stat(folder), await files.stat(join(folder, 'data'))];
  const latest = Math.max(...touched.map((facts) => Number(facts?.modified ?? 0) / 1e6));
  return Date.now() - latest >= age;
}
