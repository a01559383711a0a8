import { createHash } from 'node:crypto';
import { digestFromHash, type Algorithm, type Digest } from '../oci/digest.js';

/** An incremental digest. `digest()` may be called once, and nothing may follow it. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  /** The digest of the bytes so far; more may follow. */
  soFar(): Digest;
  digest(): Digest;
}

export function createHasher(algorithm: Algorithm): Hasher {
  const hash = createHash(algorithm);
  return {
    update: (bytes) => void hash.update(bytes),
    soFar: () => digestFromHash(algorithm, hash.copy().digest()),
    digest: () => digestFromHash(algorithm, hash.digest()),
  };
}

/** The digest of bytes that are in memory already. */
export function digestOf(bytes: Uint8Array, algorithm: Algorithm = 'sha256'): Digest {
  const hasher = createHasher(algorithm);
  hasher.update(bytes);
  return hasher.digest();
}
