import type { FileHandle } from 'node:fs/promises';
import type { Bytes } from '../../io/byte-source.js';

/** Bytes after which what was written so far is sent to the disk while more is being written. */
const SYNC_BYTES = 32 << 20;

/**
 * Writes chunks to an open file from its start, each while the next is being read. A `regular` file has them on the
 * disk when this resolves: the disk works on it all along, so that little is left to wait for at the end. A device just
 * gets them in order. Nothing is in flight when it settles.
 *
 * @returns the number of bytes written.
 */
export async function writeThrough(
  file: FileHandle,
  chunks: Bytes,
  kind: 'regular' | 'device',
): Promise<number> {
  let written = 0;
  let unsynced = 0;
  let write: Promise<void> = Promise.resolve();
  let sync: Promise<void> | undefined;
  // A later sync does not tell of the failure of this one again.
  let failure: { readonly error: unknown } | undefined;
  const syncMeanwhile = () => {
    unsynced = 0;
    sync = file
      .datasync()
      .catch((error: unknown) => void (failure ??= { error }))
      .finally(() => (sync = undefined));
  };
  try {
    for await (const chunk of chunks) {
      await write;
      if (failure !== undefined) throw failure.error;
      write = writeFully(file, chunk, kind === 'regular' ? written : null);
      // Waited for before the next one.
      write.catch(() => {});
      written += chunk.byteLength;
      unsynced += chunk.byteLength;
      if (kind === 'regular' && unsynced >= SYNC_BYTES && sync === undefined) syncMeanwhile();
    }
    await write;
    await sync;
    if (failure !== undefined) throw failure.error;
    if (kind === 'regular') await file.sync();
    return written;
  } finally {
    await Promise.allSettled([write, sync]);
  }
}

/** A device has no positions: `position` is null, and bytes go where it is. */
async function writeFully(file: FileHandle, chunk: Uint8Array, position: number | null): Promise<void> {
  let done = 0;
  while (done < chunk.byteLength) {
    const at = position === null ? null : position + done;
    const { bytesWritten } = await file.write(chunk, done, chunk.byteLength - done, at);
    done += bytesWritten;
  }
}
