import { isStowageError, StowageError } from '../errors.js';

/**
 * Runs `work` on one entry of an archive; an error of ours that comes out of it says which archive and entry it is
 * about. Everything else passes unchanged.
 */
export async function inArchive<T>(archive: string, entry: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isStowageError(error, 'MISMATCH') && !isStowageError(error, 'LIMIT_EXCEEDED')) throw error;
    throw new StowageError(
      error.code,
      `Cannot import ${archive}: entry ${JSON.stringify(entry)}: ${lowerFirst(error.message)}`,
      {
        cause: error,
        detail: { ...error.detail, entry },
        hint: error.hint ?? 'the archive is damaged: copy it again from where it came, or make it again',
      },
    );
  }
}

/**
 * Runs `work` on what an archive holds; where it is refused without a word about the archive, the error says which one
 * it is. Everything else passes unchanged.
 */
export async function aboutArchive<T>(archive: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isStowageError(error) || !OF_CONTENT.has(error.code) || error.message.includes(archive)) throw error;
    throw new StowageError(error.code, `Cannot import ${archive}: ${lowerFirst(error.message)}`, {
      cause: error,
      detail: error.detail,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

const OF_CONTENT: ReadonlySet<string> = new Set(['INVALID', 'UNSUPPORTED', 'LIMIT_EXCEEDED', 'MISMATCH']);

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
