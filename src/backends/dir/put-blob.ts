import { mergeLabels } from '../../content/labels.js';
import type { Outline } from '../../content/outline.js';
import type { CallOptions, LabelChanges, Labels, PutOptions, Stored, Target } from '../../content/store.js';
import { fromSystemError } from '../../errors.js';
import type { ByteSource } from '../../io/byte-source.js';
import { algorithmOf, type Digest } from '../../oci/digest.js';
import type { BegunFile } from './blob-file.js';
import * as blobs from './blobs.js';
import type { Transaction } from './database/connection.js';
import { putAborted, PutIngest } from './put-ingest.js';
import { outlineOfFile, recordOutline } from './outlines.js';
import { BLOB, blobInfoOf } from './rows.js';
import { requireThere } from './still-there.js';
import { hold, releaseFromLeases, requireLease, type View } from './view.js';
import { writeBlob } from './write-blob.js';

/** Puts without bytes what this namespace holds, or another one that shares it; undefined if bytes are needed. */
export async function putHeld(
  view: View,
  target: Target,
  labels: Labels,
  options: CallOptions & { readonly ref?: string },
): Promise<Stored | undefined> {
  const { blob, own } = await view.place.connection.read((queries) => {
    requireLease(view, queries);
    const own = queries.get(BLOB, view.namespace, target.digest) !== undefined;
    return { blob: blobs.available(queries, view, target), own };
  }, options);
  if (blob === undefined) return undefined;
  const { ref } = options;
  const nothingToRecord =
    own && view.lease === undefined && ref === undefined && Object.keys(labels).length === 0;
  if (nothingToRecord && blob.state === 'live' && (await blobs.isThere(view.place, blob))) {
    return { digest: blob.digest, size: blob.size, existed: true };
  }
  return view.place.connection.transaction((transaction) => {
    requireLease(view, transaction);
    const blob = blobs.available(transaction, view, target);
    if (blob === undefined || !blobs.revive(view.place, transaction, blob)) return undefined;
    if (ref !== undefined) releaseFromLeases(transaction, view.namespace, 'ingests', ref);
    record(view, transaction, blob.digest, labels);
    return { digest: blob.digest, size: blob.size, existed: true };
  }, options);
}

export async function putBytes(
  view: View,
  target: Target | undefined,
  source: ByteSource,
  what: string,
  options: PutOptions,
): Promise<Stored> {
  const { place, namespace } = view;
  const { signal, onBytes } = options;
  const begun: { ingest?: PutIngest } = {};
  const put = place.puts.enter();
  const attempt = `Cannot store ${what} in ${JSON.stringify(place.paths.root)}`;
  const create = async (): Promise<BegunFile> => {
    begun.ingest = await PutIngest.open(place, namespace, target ?? {}, options);
    return begun.ingest.openData(attempt);
  };
  try {
    const written = await writeBlob(source, {
      algorithm: target === undefined ? (options.algorithm ?? 'sha256') : algorithmOf(target.digest),
      expected: target,
      create,
      attempt,
      onBytes,
      signal,
      lanes: place.lanes,
    });
    const outline = await outlineOfFile(place.files, begun.ingest?.data, { ...target, ...written });
    const stored = await commitBlob(view, written, () => ownData(begun.ingest, attempt), {
      ...options,
      attempt,
      outline,
      ready: () => put.ready(),
    });
    // Should the folder stay, it is an orphan like that of a dead process, and no reason to call a stored blob a failure.
    await begun.ingest?.remove().catch(() => {});
    return stored;
  } catch (error) {
    // What cannot be tidied up any more is left for whoever tidies up after the dead.
    await begun.ingest?.fail(error).catch(() => {});
    await requireThere(place.connection, error);
    throw error;
  } finally {
    put.leave();
  }
}

/** Makes written and synced bytes the blob, unless somebody else has done so meanwhile. */
export async function commitBlob(
  view: View,
  { digest, size }: { readonly digest: Digest; readonly size: number },
  data: () => string,
  options: PutOptions & {
    readonly attempt?: string;
    readonly ref?: string;
    readonly outline?: Outline | undefined;
    /** Resolves when it is time to commit. */
    readonly ready?: () => Promise<void>;
  },
): Promise<Stored> {
  const { labels = {}, signal, attempt, ref, outline } = options;
  try {
    await blobs.prepareFolder(view.place, algorithmOf(digest));
    await options.ready?.();
    return await view.place.connection.transaction(
      (transaction) => {
        requireLease(view, transaction);
        const blob = blobs.stored(transaction, { digest, size });
        const present = blob !== undefined && blobs.revive(view.place, transaction, blob);
        const known = record(view, transaction, digest, labels);
        if (ref !== undefined) releaseFromLeases(transaction, view.namespace, 'ingests', ref);
        if (!present) blobs.commit(view.place, transaction, data(), { digest, size });
        if (outline !== undefined) recordOutline(transaction, digest, outline);
        return { digest, size, existed: present && known };
      },
      { signal },
    );
  } catch (error) {
    throw attempt === undefined ? error : fromSystemError(error, attempt);
  }
}

/** Records that this namespace holds the blob, with these labels, and under the lease; whether it held it before. */
function record(view: View, transaction: Transaction, digest: Digest, labels: Labels): boolean {
  const known = relabel(view, transaction, digest, labels);
  if (!known) blobs.record(transaction, view, digest, mergeLabels({}, labels));
  hold(view, transaction, digest);
  return known;
}

/** False if the blob is not held. */
export function relabel(
  view: View,
  transaction: Transaction,
  digest: Digest,
  changes: LabelChanges,
): boolean {
  const { namespace } = view;
  const row = transaction.get(BLOB, namespace, digest);
  if (row === undefined) return false;
  if (Object.keys(changes).length === 0) return true;
  const labels = mergeLabels(blobInfoOf(row).labels, changes);
  transaction.run(
    'UPDATE content SET labels = ?, updated = ? WHERE namespace = ? AND digest = ?',
    JSON.stringify(labels),
    Date.now(),
    namespace,
    digest,
  );
  return true;
}

/** @throws {StowageError} CONFLICT if somebody has thrown the bytes away. */
function ownData(ingest: PutIngest | undefined, attempt: string): string {
  if (ingest?.isOurs() === true) return ingest.data;
  throw putAborted(attempt);
}
