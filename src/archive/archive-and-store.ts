/** An archive and a store as one place, which is what the plan of an import looks at. */
import type { Has } from '../content/completeness.js';
import type { ContentStore, Reader, Target } from '../content/store.js';
import { wrongSize } from '../io/verify.js';
import type { Digest } from '../oci/digest.js';
import type { ArchiveContents } from './layout/archive-contents.js';

/** Which blobs a store holds: under a lease, so that they stay, or only as far as anybody can tell. */
export type Holds = (store: ContentStore, targets: readonly Target[]) => Promise<ReadonlySet<Digest>>;

/** Asks the archive first: what it has costs nothing to know, and its sizes have to be right. */
export function hasIn(archive: ArchiveContents, store: ContentStore, holds: Holds): Has {
  return async (targets) => {
    const inArchive = new Set<Digest>();
    for (const { digest, size } of targets) {
      const actual = archive.blobs.get(digest);
      if (actual === undefined) continue;
      if (size !== undefined && actual !== size) {
        const what = `blob ${JSON.stringify(digest)} of ${archive.what}`;
        throw wrongSize({ digest, size }, { what, code: 'MISMATCH' }, { actual });
      }
      inArchive.add(digest);
    }
    const others = targets.filter(({ digest }) => !inArchive.has(digest));
    const held = others.length === 0 ? [] : await holds(store, others);
    return new Set([...inArchive, ...held]);
  };
}

/** Reads from the archive what it has, and the rest from the store. */
export function firstOf(archive: ArchiveContents, store: ContentStore): Reader {
  const place = (digest: Digest): Reader => (archive.blobs.has(digest) ? archive.content : store);
  return {
    stat: (target, options) => place(target.digest).stat(target, options),
    read: (target, options) => place(target.digest).read(target, options),
  };
}
