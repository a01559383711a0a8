import { isStowageError, StowageError } from '../errors.js';
import { parseDigest, type Digest } from '../oci/digest.js';

/** The digest an argument says. @throws {StowageError} as {@link parseDigest}, with how to find the whole of one. */
export function digestArgument(text: string): Digest {
  try {
    return parseDigest(text);
  } catch (error) {
    if (!isStowageError(error, 'INVALID')) throw error;
    const { code, message, detail } = error;
    const hint = 'the whole digest is needed: stowage content ls lists them';
    throw new StowageError(code, message, { detail, hint, cause: error });
  }
}
