import { errnoOf, fromSystemError, isStowageError, StowageError } from '../errors.js';
import type { Descriptor } from '../oci/descriptor.js';
import { kindOf } from '../oci/media-type.js';
import type { ByteSource, Bytes } from '../io/byte-source.js';
import { isFileSlice } from '../io/byte-source.js';
import { pool } from '../io/pool.js';
import type { OnProgress } from './progress.js';
import type { CallOptions, Labels, Reader, Writer } from './store.js';

export interface CopyOptions extends CallOptions {
  /** Blobs that are moved at once; of small ones, four times as many. @default 4 */
  readonly concurrency?: number | undefined;
  readonly onProgress?: OnProgress | undefined;
  /** Labels for a blob, merged into those it has; a blob that is held already gets them as well. */
  readonly labelsOf?: ((descriptor: Descriptor) => Labels | undefined) | undefined;
  /** Opens a blob of the source for the target to take in. @default what the source's `read` gives */
  readonly open?: ((descriptor: Descriptor) => ByteSource | Promise<ByteSource>) | undefined;
  /** How messages name the two sides. @default 'the source' and 'the target' */
  readonly names?: { readonly source: string; readonly target: string } | undefined;
}

/** How many blobs and bytes were moved, and how many were held already. */
export interface CopyResult {
  readonly blobs: { readonly written: number; readonly existed: number };
  readonly bytes: { readonly written: number; readonly existed: number };
}

/**
 * Puts blobs of one place into another: each digest once, several at a time, what is held already not at all, and
 * no document before everything it refers to. All are claimed first, in one call.
 *
 * @param descriptors each after those it refers to, as {@link selectPlatforms} answers them.
 * @throws {StowageError} with the code of what failed; `detail` has `side` (`source` or `target`), `operation` and
 *   `digest`. The first failure stops the rest. What was put by then stays.
 */
export async function copy(
  source: Reader,
  target: Writer,
  descriptors: readonly Descriptor[],
  options: CopyOptions = {},
): Promise<CopyResult> {
  const { concurrency = 4, onProgress, signal } = options;
  const unique = [...new Map(descriptors.map((descriptor) => [descriptor.digest, descriptor])).values()];
  const totalBytes = unique.reduce((total, { size }) => total + size, 0);
  onProgress?.({ kind: 'total', totalBytes, blobs: unique.length });
  const claimed = await target.claim(unique, { signal });
  const result = { blobs: { written: 0, existed: 0 }, bytes: { written: 0, existed: 0 } };

  const copyOne = async (descriptor: Descriptor, oneSignal: AbortSignal): Promise<void> => {
    const labels = options.labelsOf?.(descriptor);
    const { digest, size } = descriptor;
    const done = claimed.has(digest) && labels === undefined;
    const existed = done || (await putOne(source, target, descriptor, labels, oneSignal, options));
    result.blobs[existed ? 'existed' : 'written'] += 1;
    result.bytes[existed ? 'existed' : 'written'] += size;
    onProgress?.({ kind: 'blob', digest, size, existed });
  };
  for (const stage of stagesOf(unique)) {
    const together = (group: Group, groupSignal?: AbortSignal) =>
      pool(group.descriptors, copyOne, {
        concurrency: Math.max(1, concurrency * group.width),
        signal: groupSignal,
      });
    await pool(stage, together, { concurrency: stage.length, signal });
  }
  return result;
}

/** What is smaller costs the steps around it rather than its bytes; many together share these. */
const SMALL_BYTES = 1 << 20;

/** Blobs that may go together; `width` multiplies how many do. */
interface Group {
  readonly descriptors: readonly Descriptor[];
  readonly width: number;
}

/**
 * What is no document, the small beside the large, and of these the largest first, so that none is left alone at the end;
 * then manifests, which may go together because they refer to no manifests; indexes go one by one, in the order given.
 */
function stagesOf(descriptors: readonly Descriptor[]): readonly (readonly Group[])[] {
  const of = (kind: 'index' | 'manifest') =>
    descriptors.filter(({ mediaType }) => kindOf(mediaType) === kind);
  const content = descriptors.filter(({ mediaType }) => !['index', 'manifest'].includes(kindOf(mediaType)));
  const large = content.filter(({ size }) => size >= SMALL_BYTES).sort((a, b) => b.size - a.size);
  const small = content.filter(({ size }) => size < SMALL_BYTES);
  return [
    [
      { descriptors: large, width: 1 },
      { descriptors: small, width: 4 },
    ],
    [{ descriptors: of('manifest'), width: 4 }],
    [{ descriptors: of('index'), width: 0 }],
  ];
}

/** Answers whether the blob was held already. */
async function putOne(
  source: Reader,
  target: Writer,
  descriptor: Descriptor,
  labels: Labels | undefined,
  signal: AbortSignal,
  options: CopyOptions,
): Promise<boolean> {
  const { onProgress } = options;
  let broken: { readonly error: unknown } | undefined;
  const onSourceError = (error: unknown) => {
    broken = { error };
  };
  const open = async (): Promise<ByteSource> => {
    try {
      const opened = await (options.open?.(descriptor) ?? source.read(descriptor, { signal }));
      return opened instanceof Uint8Array || isFileSlice(opened) ? opened : watched(opened, onSourceError);
    } catch (error) {
      onSourceError(error);
      throw error;
    }
  };
  try {
    const stored = await target.put(descriptor, open, {
      signal,
      ...(labels ? { labels } : {}),
      ...(onProgress ? { onBytes: (count: number) => onProgress({ kind: 'bytes', count }) } : {}),
    });
    return stored.existed;
  } catch (error) {
    if (signal.aborted && error === signal.reason) throw error;
    const atSource = broken?.error === error || isStowageError(error, 'MISMATCH');
    throw located(error, descriptor, atSource ? 'source' : 'target', options);
  }
}

async function* watched(
  source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  onError: (error: unknown) => void,
): Bytes {
  try {
    for await (const chunk of source) yield chunk;
  } catch (error) {
    onError(error);
    throw error;
  }
}

/** The error with side, operation and digest; what is no failure of either side (a mistake in code) as it is. */
function located(
  error: unknown,
  { digest }: Descriptor,
  side: 'source' | 'target',
  { names = { source: 'the source', target: 'the target' } }: CopyOptions,
): unknown {
  const attempt = `Cannot copy blob ${JSON.stringify(digest)}`;
  const known = errnoOf(error) === undefined ? error : fromSystemError(error, attempt);
  if (!isStowageError(known)) return error;
  const operation = side === 'source' ? 'read' : 'put';
  const where = side === 'source' ? `reading from ${names.source}` : `writing to ${names.target}`;
  const message = known.message.includes(digest) ? known.message : `${attempt}: ${known.message}`;
  return new StowageError(known.code, `${message} (${where})`, {
    detail: { ...known.detail, side, operation, digest },
    ...(known.hint === undefined ? {} : { hint: known.hint }),
    cause: error,
  });
}
