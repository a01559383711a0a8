import type { FileHandle } from 'node:fs/promises';
import { errnoOf, fromSystemError, StowageError } from '../../errors.js';
import { rangeOf } from '../../content/read-range.js';
import type { ReadOptions } from '../../content/store.js';
import { chunksOf, type Bytes } from '../../io/byte-source.js';
import { verifying } from '../../io/verify.js';
import type { Digest } from '../../oci/digest.js';
import type { OpenFile } from './files.js';
import type { Place } from './place.js';

/**
 * The bytes of a blob that is on record with that size, read one chunk ahead; a whole one is verified.
 *
 * Iteration rejects with CORRUPT if the file is gone, or is not what is on record.
 */
export async function* readBlob(
  place: Place,
  digest: Digest,
  size: number,
  range: ReadOptions['range'],
): Bytes {
  const path = place.paths.blob(digest);
  const what = `blob ${JSON.stringify(digest)}`;
  const { start, end } = rangeOf(range, size);
  const file = await openBlob(place, path, what);
  try {
    const found = (await file.stat()).size;
    if (found !== size) {
      throw new StowageError(
        'CORRUPT',
        `Cannot read ${what}: its file has ${found} bytes instead of ${size}`,
        {
          detail: { digest, path, expectedSize: size, actualSize: found },
          hint: 'delete it and import it again',
        },
      );
    }
    const chunks = chunksOf({ file: file as FileHandle, offset: start, length: end - start });
    const whole = start === 0 && end === size;
    yield* whole ? verifying(chunks, { digest, size }, { what, code: 'CORRUPT' }) : chunks;
  } catch (error) {
    throw fromSystemError(error, `Cannot read ${what}`);
  } finally {
    await file.close();
  }
}

async function openBlob({ files }: Place, path: string, what: string): Promise<OpenFile> {
  try {
    return await files.open(path, 'r');
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw fromSystemError(error, `Cannot read ${what}`);
    throw new StowageError('CORRUPT', `Cannot read ${what}: it is on record, but its file is gone`, {
      detail: { path },
      hint: 'delete it and import it again',
      cause: error,
    });
  }
}
