import type { FileHandle } from 'node:fs/promises';
import type { Bytes } from '../../io/byte-source.js';
import { SyncMeanwhile } from '../../io/sync-meanwhile.js';
import { writeFully } from '../../io/write-fully.js';

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
  const isRegular = kind === 'regular';
  const sync = new SyncMeanwhile(() => file.datasync());
  let written = 0;
  let write: Promise<void> = Promise.resolve();
  try {
    for await (const chunk of chunks) {
      await write;
      sync.check();
      // A device has no positions.
      write = writeFully(file, [chunk], isRegular ? written : undefined);
      // Waited for before the next one.
      write.catch(() => {});
      written += chunk.byteLength;
      if (isRegular) sync.add(chunk.byteLength);
    }
    await write;
    if (isRegular) {
      await sync.done();
      await file.sync();
    }
    return written;
  } finally {
    await Promise.allSettled([write, sync.settle()]);
  }
}
