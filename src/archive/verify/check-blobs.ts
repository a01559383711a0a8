import { encodedOf, type Digest } from '../../oci/digest.js';
import type { Inventory } from './inventory.js';

/** Every blob is what its name says. */
export function checkBlobs({ blobs, findings }: Inventory): void {
  for (const [digest, { entry, observed }] of blobs) {
    if (observed === undefined || observed.digest === digest) continue;
    findings.add({
      severity: 'error',
      code: 'blob-digest',
      where: entry,
      message: `its content has the digest ${observed.digest}`,
      hint: 'it was changed after it was written: copy the archive again from where it came',
      digest,
    });
  }
}

/** Blobs that nothing refers to are allowed, and no use. */
export function checkUnused({ blobs, findings }: Inventory, used: ReadonlySet<Digest>): void {
  for (const [digest, { entry }] of blobs) {
    if (used.has(digest)) continue;
    findings.add({
      severity: 'note',
      code: 'blob-unused',
      where: entry,
      message: 'nothing in the archive refers to it',
      digest,
    });
  }
}

/** `sha256:0123456789ab…`, for lines that have the whole digest elsewhere. */
export function short(digest: Digest): string {
  return `${digest.slice(0, digest.indexOf(':') + 1)}${encodedOf(digest).slice(0, 12)}`;
}
