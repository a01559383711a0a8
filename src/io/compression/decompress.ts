import type { Bytes } from '../byte-source.js';
import { abortable, linkedAbort, type LinkedAbort } from '../signals.js';
import { CodecInput } from './codec-input.js';
import { DETECTION_BYTES, detectCompression, type Compression } from './detect.js';
import { fromDecoder, unreadable, type Subject } from './errors.js';
import { ExpansionMeter, type ExpansionLimit } from './expansion-limit.js';
import { gunzip } from './gunzip.js';
import { unxz } from './unxz.js';
import { unzstd } from './unzstd.js';

export interface DecompressOptions {
  /** What is decompressed, as it stands in a message: `"x.tar.gz"`. */
  readonly what?: string | undefined;
  readonly limit?: ExpansionLimit | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A source whose beginning was looked at. */
export interface Decompressing {
  readonly compression: Compression;
  /** What the source holds, decompressed; to be iterated once. */
  readonly bytes: Bytes;
  /** Closes the source where `bytes` is not iterated; nothing where it was. */
  close(): Promise<void>;
}

type Decoder = (input: CodecInput, subject: Subject) => Bytes;

const DECODERS: Readonly<Record<Exclude<Compression, 'none'>, Decoder>> = {
  gzip: gunzip,
  zstd: unzstd,
  xz: unxz,
  bzip2: (_, subject) => {
    throw unreadable(subject, 'it is compressed with bzip2, which is not read here');
  },
};

/**
 * What `source` holds, decompressed once if its first bytes say that it is compressed (gzip, zstd, xz), else its own
 * chunks untouched. Pulled as fast as it is taken; memory depends on neither size nor ratio, only on the window the
 * format declares (at most 128 MiB). Every chunk belongs to the receiver. The source is closed when iteration ends.
 *
 * Iteration rejects with INVALID if the data is damaged, cut short or followed by something else; with UNSUPPORTED
 * if it is of a kind that is not read here; with LIMIT_EXCEEDED if it becomes larger or needs more memory than is
 * accepted; with `signal.reason` once aborted, and with the source's own failure unchanged.
 */
export async function* decompress(source: Bytes, options: DecompressOptions = {}): Bytes {
  const { bytes } = await decompressing(source, options);
  yield* bytes;
}

/** Like {@link decompress}, and says beforehand what it found. Where it rejects, the source is closed. */
export async function decompressing(source: Bytes, options: DecompressOptions = {}): Promise<Decompressing> {
  // Of its own, so that closing also reaches a source that is being waited for.
  const abort = linkedAbort(options.signal);
  const chunks = abortable(source, abort.signal);
  const head: Uint8Array[] = [];
  try {
    const compression = detectCompression(await peek(chunks, head));
    const opened: Opened = { chunks, rest: replay(head, chunks), abort };
    const bytes = compression === 'none' ? plain(opened) : decoded(opened, compression, options);
    return {
      compression,
      bytes,
      close: async () => {
        await bytes.return(undefined);
        // Bytes that were never begun do nothing when they are closed.
        await closeSource(opened);
      },
    };
  } catch (error) {
    abort.unlink();
    throw error;
  }
}

/** A source whose first chunks were taken out: `rest` gives them first, closing it does not close the source. */
interface Opened {
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>;
  readonly rest: AsyncIterableIterator<Uint8Array>;
  readonly abort: LinkedAbort;
}

async function closeSource({ chunks, abort }: Opened): Promise<void> {
  await chunks.return(undefined);
  abort.unlink();
}

/** Moves chunks into `head` until they are enough to tell the compression; returns their first bytes. */
async function peek(chunks: AsyncIterator<Uint8Array>, head: Uint8Array[]): Promise<Uint8Array> {
  let length = 0;
  while (length < DETECTION_BYTES) {
    const step = await chunks.next();
    if (step.done) break;
    head.push(step.value);
    length += step.value.byteLength;
  }
  return head.length === 1 && head[0] ? head[0] : Buffer.concat(head);
}

async function* replay(
  head: Uint8Array[],
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  while (head.length > 0) yield head.shift() as Uint8Array;
  yield* rest;
}

async function* plain(opened: Opened): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* opened.rest;
  } finally {
    await closeSource(opened);
  }
}

async function* decoded(
  opened: Opened,
  compression: Exclude<Compression, 'none'>,
  options: DecompressOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const subject: Subject = { what: options.what ?? 'a stream', compression };
  const input = new CodecInput(opened.rest, opened.abort.signal);
  const meter = new ExpansionMeter(options.limit ?? {}, subject);
  let output: AsyncIterator<Uint8Array> | undefined;
  try {
    output = DECODERS[compression](input, subject)[Symbol.asyncIterator]();
    for (;;) {
      const step = await output.next();
      if (step.done) return;
      if (step.value.byteLength === 0) continue;
      meter.count(step.value.byteLength, input.consumed);
      yield step.value;
      options.signal?.throwIfAborted();
    }
  } catch (error) {
    if (options.signal?.aborted) throw options.signal.reason;
    throw input.failure === undefined ? fromDecoder(error, subject) : input.failure.error;
  } finally {
    // Decoders read ahead: one that waits for its source must be released before it can be closed.
    opened.abort.abort(new Error('The decompressed bytes are not wanted any more.'));
    await output?.return?.();
    await closeSource(opened);
  }
}
