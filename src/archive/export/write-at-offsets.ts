import type { FileHandle } from 'node:fs/promises';
import type { CallOptions } from '../../content/store.js';
import type { SliceSource } from '../../content/slices.js';
import type { OnProgress } from '../../content/progress.js';
import { fromSystemError } from '../../errors.js';
import { CopyLanes, type CopyLanesOptions } from '../../io/copy-lanes.js';
import type { CopySide } from '../../io/copy-slice.js';
import { pool } from '../../io/pool.js';
import { SyncMeanwhile } from '../../io/sync-meanwhile.js';
import { wrongDigest } from '../../io/verify.js';
import { writeFully } from '../../io/write-fully.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { algorithmOf } from '../../oci/digest.js';
import { tarLayout } from './tar-layout.js';
import type { TarMember } from './tar-stream.js';

export interface WriteAtOffsetsOptions extends CallOptions, CopyLanesOptions {
  readonly onProgress?: OnProgress | undefined;
}

/** Blobs that are opened at once, so that no lane waits for the next one. */
const OPEN_AT_ONCE = 6;

/**
 * Writes a tar to an open, empty file: its sizes are known, so every blob has its place, and several are copied at once,
 * each hashed on the way from file to file. The same bytes as `tarStream` gives. When it resolves they are on the disk
 * and every blob among them was proven; nothing is in flight when it settles.
 *
 * @returns the number of bytes written.
 * @throws {StowageError} CORRUPT for a blob that is not what its digest says; what reading a member throws.
 */
export async function writeAtOffsets(
  file: FileHandle,
  members: readonly TarMember[],
  source: SliceSource,
  options: WriteAtOffsetsOptions,
): Promise<number> {
  const { signal, onProgress } = options;
  const layout = tarLayout(members);
  // What is a file of its own is copied, the largest first, so that none is left alone at the end.
  const copies = layout.contents
    .flatMap(({ at, member: { blob } }) => (blob === undefined ? [] : [{ at, blob }]))
    .sort((a, b) => b.blob.size - a.blob.size);
  const written = layout.contents.filter(({ member }) => member.blob === undefined);
  const sync = new SyncMeanwhile(() => file.datasync());
  const lanes = new CopyLanes(options);

  const copyBlob = async (blob: Descriptor, at: number, signal: AbortSignal): Promise<void> => {
    const { digest, size } = blob;
    const what = `blob ${JSON.stringify(digest)}`;
    const opened = await source.openSlice(blob, { signal });
    try {
      const job = { from: opened.slice, to: { file, at }, algorithm: algorithmOf(digest) };
      const onBytes = (count: number) => {
        sync.add(count);
        onProgress?.({ kind: 'bytes', count });
      };
      // A failure to write is about the target, which only the caller knows by its name.
      const explain = (error: unknown, side: CopySide) =>
        side === 'from' ? fromSystemError(error, `Cannot read ${what}`) : error;
      const copied = await lanes.copy(job, { signal, onBytes, explain });
      if (copied !== digest) throw wrongDigest({ digest, size }, { what, code: 'CORRUPT' }, copied);
    } finally {
      await opened.close();
    }
    onProgress?.({ kind: 'blob', digest, size, existed: false });
  };
  const writeContent = async (member: TarMember, at: number): Promise<void> => {
    let position = at;
    for await (const chunk of member.content()) {
      await writeFully(file, [chunk], position);
      position += chunk.byteLength;
    }
    sync.add(position - at);
  };

  try {
    for (const { at, bytes } of layout.frames) await writeFully(file, [bytes], at);
    for (const { at, member } of written) await writeContent(member, at);
    await pool(copies, ({ at, blob }, signal) => copyBlob(blob, at, signal), {
      concurrency: OPEN_AT_ONCE,
      signal,
    });
    await sync.done();
    await file.sync();
    return layout.size;
  } finally {
    await sync.settle();
    await lanes.close();
  }
}
