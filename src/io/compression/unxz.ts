import { createRequire } from 'node:module';
import type * as Xz from 'xz-decompress';
import { toWebStream } from '../streams.js';
import type { Bytes } from '../byte-source.js';
import type { CodecInput } from './codec-input.js';
import { cutShort, damaged, tooMuch, trailing, unreadable, type Subject } from './errors.js';

/** The largest dictionary the decoder accepts, that of `xz -9`; it is all the memory a stream needs. */
const DICTIONARY_MIB = 64;

/**
 * Decodes xz, any number of streams and blocks, checking CRC32 and CRC64. Padding between and after streams is zeros
 * in fours, as the format says. Filters other than LZMA2, and SHA-256 as the check, are UNSUPPORTED; a dictionary of
 * more than 64 MiB is LIMIT_EXCEEDED.
 */
export async function* unxz(input: CodecInput, subject: Subject): Bytes {
  const { XzReadableStream } = loadDecoder(subject);
  try {
    yield* new XzReadableStream(toWebStream(input));
  } catch (error) {
    throw translate(error, input, subject);
  }
}

/**
 * An instance of its own for every stream: within one, the package decodes one stream at a time and makes the others
 * wait, for ever where two are read in step; and the memory of an instance never shrinks.
 */
function loadDecoder(subject: Subject): typeof Xz {
  try {
    const load = createRequire(import.meta.url);
    const path = load.resolve('xz-decompress');
    delete load.cache[path];
    const decoder = load(path) as typeof Xz;
    delete load.cache[path];
    return decoder;
  } catch (error) {
    throw unreadable(subject, 'the decoder for xz cannot be loaded (package "xz-decompress")', error);
  }
}

/** The decoder's results, as its C code numbers them. */
function translate(error: unknown, input: CodecInput, subject: Subject): unknown {
  const result = /error code (\d+)$/.exec(error instanceof Error ? error.message : '')?.[1];
  switch (result) {
    case undefined:
      return error;
    case '2':
    case '6':
      return unreadable(subject, 'its xz data uses a filter or a check other than the usual ones', error);
    case '3':
    case '4':
      return tooMuch(subject, `its xz data needs more than ${DICTIONARY_MIB} MiB of memory`);
    case '5':
      return trailing(subject, error);
    case '8':
      // It also means that nothing more can be made of the bytes there are.
      return input.ended ? cutShort(subject, error) : damaged(subject, 'it cannot be continued', error);
    default:
      return damaged(subject, 'a checksum or a length is wrong', error);
  }
}
