import type { Check } from './check.js';

/** Sound files that are on no record: a process was killed between naming the file and recording it. */
export async function checkStrays(check: Check): Promise<void> {
  const { files, paths } = check.place;
  for (const digest of check.strays.keys()) {
    const path = paths.blob(digest);
    await check.settle((queries) => {
      if (queries.get('SELECT 1 FROM blobs WHERE digest = ?', digest) !== undefined) return undefined;
      if (files.sync.lstat(path) === undefined) return undefined;
      return { code: 'file-unrecorded', where: check.where(path), message: 'it is on no record', digest };
    });
  }
}
