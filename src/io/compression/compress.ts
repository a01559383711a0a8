import { StowageError } from '../../errors.js';
import type { Bytes } from '../byte-source.js';
import { abortable, linkedAbort } from '../signals.js';
import { CodecInput } from './codec-input.js';
import { gzip } from './gzip.js';
import { rechunk } from './rechunk.js';
import { through } from './through.js';
import { loadZstd } from './zstd-library.js';

/** What can be written; reading knows more. */
export type WritableCompression = 'gzip' | 'zstd';

export interface CompressOptions {
  /** gzip: 1 to 9, 6 unless told; zstd: 1 to 19, 3 unless told. */
  readonly level?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const LEVELS: Readonly<Record<WritableCompression, { readonly usual: number; readonly highest: number }>> = {
  gzip: { usual: 6, highest: 9 },
  zstd: { usual: 3, highest: 19 },
};

/** Compressors see the source in these portions, so that its chunk boundaries have no part in the result. */
const PORTION_BYTES = 1 << 20;

/**
 * `source` compressed, as one gzip member or one zstd frame. The bytes depend only on the content, the level and the
 * version of the compressor (zlib of this Node; zstd of this Node or of the optional package), never on time, name or
 * chunk boundaries. Pulled as fast as it is taken, in bounded memory; every chunk belongs to the receiver. The source
 * is closed when iteration ends.
 *
 * Iteration rejects with INVALID for a level there is not, with UNSUPPORTED where there is no zstd, with
 * `signal.reason` once aborted, and with the source's own failure unchanged.
 */
export async function* compress(
  source: Bytes,
  compression: WritableCompression,
  options: CompressOptions = {},
): Bytes {
  const level = checkLevel(compression, options.level);
  const { signal } = options;
  // Of its own, so that closing also reaches a source that is being waited for.
  const abort = linkedAbort(signal);
  const input = new CodecInput(abortable(source, abort.signal), abort.signal);
  const portions = rechunk(input, PORTION_BYTES);
  const output = (compression === 'gzip' ? gzip(portions, level) : zstd(portions, level))[
    Symbol.asyncIterator
  ]();
  try {
    for (;;) {
      signal?.throwIfAborted();
      const step = await output.next();
      if (step.done) return;
      yield step.value;
    }
  } finally {
    abort.abort(new Error('The compressed bytes are not wanted any more.'));
    await output.return?.();
    await input.return();
    abort.unlink();
  }
}

async function* zstd(source: Bytes, level: number): Bytes {
  const library = await loadZstd().catch((error: unknown) => {
    throw new StowageError(
      'UNSUPPORTED',
      'Cannot compress with zstd: this version of Node has none, and the package "@cloudpss/zstd" cannot be loaded',
      { hint: 'use gzip, or Node 22.15 or later', cause: error },
    );
  });
  yield* through(source, library.createEncoder(level));
}

function checkLevel(compression: WritableCompression, level: number | undefined): number {
  const { usual, highest } = LEVELS[compression];
  if (level === undefined) return usual;
  if (Number.isInteger(level) && level >= 1 && level <= highest) return level;
  throw new StowageError(
    'INVALID',
    `Cannot compress with ${compression} at level ${JSON.stringify(level)}: it is not a whole number from 1 to ${highest}`,
    { detail: { compression, level } },
  );
}
