import { errnoOf, fromSystemError, StowageError } from '../../errors.js';
import { rangeOf } from '../../content/read-range.js';
import type { OpenSlice } from '../../content/slices.js';
import type { ReadOptions } from '../../content/store.js';
import { chunksOf, type Bytes } from '../../io/byte-source.js';
import { verifying } from '../../io/verify.js';
import type { Digest } from '../../oci/digest.js';
import { BYTES_WORTH_A_LANE, type CopyLanes } from '../../io/copy-lanes.js';
import type { OpenFile } from './files.js';
import type { Place } from './place.js';

/** What to do about a blob that is not what it was. */
const DAMAGED_HINT = 'stowage fsck --repair takes it away, then import the image again';

/**
 * The bytes of an open file that holds a blob of that size, read one chunk ahead; a whole one is verified. The file is
 * closed when iteration ends.
 *
 * Iteration rejects with CORRUPT if the file is not what is on record.
 */
export async function* readBlob(
  file: OpenFile,
  { digest, size }: { readonly digest: Digest; readonly size: number },
  range: ReadOptions['range'],
  lanes?: CopyLanes,
): Bytes {
  const what = `blob ${JSON.stringify(digest)}`;
  try {
    const { start, end } = rangeOf(range, size);
    await checkSize(file, { digest, size });
    const chunks = chunksOf({ file, offset: start, length: end - start });
    const whole = start === 0 && end === size;
    const hashing = size < BYTES_WORTH_A_LANE ? undefined : lanes?.hashing;
    yield* whole
      ? verifying(chunks, { digest, size }, { what, code: 'CORRUPT', hint: DAMAGED_HINT, hashing })
      : chunks;
  } catch (error) {
    throw fromSystemError(error, `Cannot read ${what}`);
  } finally {
    await file.close();
  }
}

/**
 * The same file as a slice, for whoever proves its bytes by themselves.
 * @throws {StowageError} CORRUPT if it is not as long as is on record; it is closed then.
 */
export async function sliceOf(
  file: OpenFile,
  blob: { readonly digest: Digest; readonly size: number },
): Promise<OpenSlice> {
  const close = () => file.close();
  try {
    await checkSize(file, blob);
  } catch (error) {
    await close();
    throw fromSystemError(error, `Cannot read blob ${JSON.stringify(blob.digest)}`);
  }
  const slice = { file, offset: 0, length: blob.size };
  return { slice, close, [Symbol.asyncDispose]: close };
}

async function checkSize(
  file: OpenFile,
  { digest, size }: { readonly digest: Digest; readonly size: number },
): Promise<void> {
  const found = (await file.stat()).size;
  if (found !== size) throw damaged(digest, `its file has ${found} bytes instead of ${size}`);
}

/** The file of a blob, or undefined if there is none. */
export async function openBlob({ files, paths }: Place, digest: Digest): Promise<OpenFile | undefined> {
  try {
    return await files.open(paths.blob(digest), 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw fromSystemError(error, `Cannot read blob ${JSON.stringify(digest)}`);
  }
}

/** The error for a blob that is on record and whose file is not as it was. */
export function damaged(digest: Digest, reason: string): StowageError {
  return new StowageError('CORRUPT', `Cannot read blob ${JSON.stringify(digest)}: ${reason}`, {
    detail: { digest },
    hint: DAMAGED_HINT,
  });
}
