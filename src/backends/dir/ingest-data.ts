/** The file with the bytes of an ingest. */
import { errnoOf } from '../../errors.js';
import type { Files, OpenFile } from './files.js';
import type { IngestFolder } from './ingest-folder.js';
import type { Place } from './place.js';

/**
 * Takes back the bytes of whoever ended between their rename and its commit: under the name of the blob they are on no
 * record, so that nobody sees them. Where it was not said what they are to be, they are not found.
 */
export async function takeBack(place: Place, { data, isNew, terms }: IngestFolder): Promise<void> {
  const { connection, files, paths } = place;
  const { expected } = terms;
  if (isNew || expected === undefined || (await files.stat(data)) !== undefined) return;
  const blob = paths.blob(expected);
  if ((await files.stat(blob)) === undefined) return;
  await connection.transaction((transaction) => {
    if (transaction.get('SELECT 1 FROM blobs WHERE digest = ?', expected) !== undefined) return;
    if (files.sync.stat(blob)?.isFile === true) files.sync.rename(blob, data);
  });
}

/** Creates the file of an ingest that has none yet. */
export function createData(files: Files, path: string): Promise<OpenFile> {
  return files.open(path, 'wx+', 0o644);
}

/** Creates the file of an ingest or opens it; a process may have died after it took its own right to write away. */
export async function openData(files: Files, path: string): Promise<OpenFile> {
  try {
    return await files.open(path, 'r+');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return createData(files, path);
    if (errnoOf(error) !== 'EACCES') throw error;
  }
  const file = await files.open(path, 'r');
  try {
    await file.chmod(0o644);
  } finally {
    await file.close();
  }
  return files.open(path, 'r+');
}
