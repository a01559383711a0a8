import { open } from 'node:fs/promises';
import { platform } from 'node:os';

/** Puts on the disk which files a folder holds: what was made in it, and what was renamed. */
export async function syncFolder(path: string): Promise<void> {
  // Windows neither can nor needs to.
  if (platform() === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
