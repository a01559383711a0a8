import { createHash } from 'node:crypto';
import { digestFromHash, type Algorithm, type Digest } from '../oci/digest.js';

/** An incremental digest. `digest()` may be called once, and nothing may follow it. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Digest;
}

export function createHasher(algorithm: Algorithm): Hasher {
  const hash = createHash(algorithm);
  return {
    update: (bytes) => void hash.update(bytes),
    digest: () => digestFromHash(algorithm, hash.digest()),
  };
}

/** The digest of bytes that are in memory already. */
export function digestOf(bytes: Uint8Array, algorithm: Algorithm = 'sha256'): Digest {
  const hasher = createHasher(algorithm);
  hasher.update(bytes);
  return hasher.digest();
}
