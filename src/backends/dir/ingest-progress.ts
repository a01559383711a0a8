import { join } from 'node:path';
import type { Files } from './files.js';

/** How far the bytes of an ingest are certain to be on the disk, and when the last of them were written. */
export interface IngestProgress {
  readonly synced: number;
  readonly updatedAt: Date;
}

/**
 * Records how many bytes of `data` are on the disk, after they are. Should the machine lose its power, the rest of the
 * file may be anything.
 */
export async function saveProgress(
  files: Files,
  folder: string,
  { synced, updatedAt }: IngestProgress,
): Promise<void> {
  const data = await files.stat(join(folder, 'data'));
  // Somebody has thrown the folder away.
  if (data === undefined) return;
  await files.replaceText(
    join(folder, 'progress.json'),
    JSON.stringify({ inode: data.inode, synced, updatedAt }),
  );
}

/** What was recorded for the file that is there; undefined where that is unknown. */
export async function progressIn(files: Files, folder: string): Promise<IngestProgress | undefined> {
  const text = await files.readText(join(folder, 'progress.json'));
  if (text === undefined) return undefined;
  const data = await files.stat(join(folder, 'data'));
  try {
    const { inode, synced, updatedAt } = JSON.parse(text) as Record<string, unknown>;
    if (data === undefined || inode !== data.inode || typeof synced !== 'number') return undefined;
    return { synced, updatedAt: new Date(String(updatedAt)) };
  } catch (error) {
    // A power cut may have left an empty file.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Forgets it durably, before bytes that were certain are changed. */
export async function forgetProgress(files: Files, folder: string): Promise<void> {
  if (await files.unlink(join(folder, 'progress.json'))) files.sync.syncFolder(folder);
}
