import type { FileHandle } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { CallOptions } from '../../content/store.js';
import type { SliceSource } from '../../content/slices.js';
import type { OnProgress } from '../../content/progress.js';
import { fromSystemError } from '../../errors.js';
import { copySlice } from '../../io/copy-slice.js';
import { CopyWorkers } from '../../io/copy-workers.js';
import { pool } from '../../io/pool.js';
import { wrongDigest } from '../../io/verify.js';
import { writeFully } from '../../io/write-fully.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { algorithmOf } from '../../oci/digest.js';
import { SyncMeanwhile } from './sync-meanwhile.js';
import { tarLayout } from './tar-layout.js';
import type { TarMember } from './tar-stream.js';

export interface WriteAtOffsetsOptions extends CallOptions {
  readonly onProgress?: OnProgress | undefined;
  /** Threads that copy blobs. @default as many as there are processors, up to 4; none where little is to be copied */
  readonly workers?: number | undefined;
  /** The program of these threads, for bundlers that move it. */
  readonly workerUrl?: URL | undefined;
}

const MOST_WORKERS = 4;

/** To start a thread takes as long as to copy this much. */
const BYTES_WORTH_A_WORKER = 16 << 20;

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
  const total = copies.reduce((sum, { blob }) => sum + blob.size, 0);
  const threads = threadsFor(copies.length, total, options);
  // More than a thread's share would keep it busy when the others are done. On this thread, reading and writing are
  // done by others while it is hashed.
  const [first] = copies;
  const longest = first !== undefined && first.blob.size * threads > total ? first.blob : undefined;
  const sync = new SyncMeanwhile(file);
  const workers = new CopyWorkers({ workers: threads, workerUrl: options.workerUrl });

  const copyBlob = async (blob: Descriptor, at: number, signal: AbortSignal): Promise<void> => {
    const { digest, size } = blob;
    const what = `blob ${JSON.stringify(digest)}`;
    const opened = await source.openSlice(blob, { signal });
    try {
      const job = { from: opened.slice, to: file, at, algorithm: algorithmOf(digest) };
      const onBytes = (count: number) => {
        sync.add(count);
        onProgress?.({ kind: 'bytes', count });
      };
      const copied = await (blob === longest
        ? copySlice(job, { signal, onBytes })
        : workers.copy(job, { signal, onBytes }));
      if (copied !== digest) throw wrongDigest({ digest, size }, { what, code: 'CORRUPT' }, copied);
    } catch (error) {
      // A failure to write is about the target, which only the caller knows by its name.
      const isRead = (error as NodeJS.ErrnoException).syscall === 'read';
      throw isRead ? fromSystemError(error, `Cannot read ${what}`) : error;
    } finally {
      await opened.close();
    }
    onProgress?.({ kind: 'blob', digest, size, existed: false });
  };
  const writeContent = async (member: TarMember, at: number): Promise<void> => {
    let position = at;
    for await (const chunk of member.content()) {
      await writeFully(file, chunk, position);
      position += chunk.byteLength;
    }
    sync.add(position - at);
  };

  try {
    for (const { at, bytes } of layout.frames) await writeFully(file, bytes, at);
    for (const { at, member } of written) await writeContent(member, at);
    await pool(copies, ({ at, blob }, signal) => copyBlob(blob, at, signal), {
      // One more, so that no thread waits for the next file to be opened.
      concurrency: threads + 1,
      signal,
    });
    await sync.finish();
    return layout.size;
  } finally {
    await sync.settle();
    await workers.close();
  }
}

/**
 * How many threads are worth it: none for what this one has done by the time they would have started, nor a single one,
 * which is no faster than this one with its reads and writes done by others.
 */
function threadsFor(
  count: number,
  total: number,
  { workers = Math.min(availableParallelism(), MOST_WORKERS) }: WriteAtOffsetsOptions,
): number {
  const threads = Math.min(workers, Math.floor(total / BYTES_WORTH_A_WORKER), count);
  return threads < 2 ? 0 : threads;
}
