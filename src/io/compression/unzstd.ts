import type { Bytes } from '../byte-source.js';
import type { CodecInput } from './codec-input.js';
import { unreadable, type Subject } from './errors.js';
import { through } from './through.js';
import { loadZstd } from './zstd-library.js';
import { zstdSlices } from './zstd-slices.js';

/**
 * Decodes Zstandard, any number of frames with skippable frames between, checking lengths and the checksums of those
 * frames that have one. A window of more than 128 MiB is LIMIT_EXCEEDED.
 */
export async function* unzstd(input: CodecInput, subject: Subject): Bytes {
  const library = await loadZstd().catch((error: unknown) => {
    throw unreadable(
      subject,
      'this version of Node has no zstd, and the package "@cloudpss/zstd" cannot be loaded',
      error,
    );
  });
  const slices = zstdSlices(input, subject)[Symbol.asyncIterator]();
  const first = await slices.next();
  // Some decoders take no data at all for data that is cut short.
  if (first.done) return;
  yield* through(following(first.value, slices), library.createDecoder());
}

async function* following(first: Uint8Array, rest: AsyncIterator<Uint8Array>): Bytes {
  yield first;
  for (;;) {
    const step = await rest.next();
    if (step.done) return;
    yield step.value;
  }
}
