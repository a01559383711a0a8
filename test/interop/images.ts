import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SHARED_FOLDER } from './setup.js';
import type { ToolName } from './tools.js';

/** The images there is a recipe for (`images/<name>.sh`), and the tools that it takes. */
export const IMAGES = {
  busybox: ['busybox', 'umoci', 'skopeo'],
  'two-platforms': ['busybox', 'umoci', 'skopeo', 'oras'],
  debian: ['umoci', 'skopeo', 'skopeo2'],
} as const satisfies Record<string, readonly ToolName[]>;

export type ImageName = keyof typeof IMAGES;

const run = promisify(execFile);

/**
 * The folder with what a recipe made: always `layout` (an OCI image layout) and `archive.tar` (made of it by skopeo),
 * both with the tag `latest`. Made once for each text of the recipe, and kept for later runs.
 */
export async function image(name: ImageName): Promise<string> {
  const recipe = await readFile(new URL(`images/${name}.sh`, import.meta.url), 'utf8');
  const key = createHash('sha256').update(recipe).digest('hex').slice(0, 16);
  const cache = join(SHARED_FOLDER, 'stowage-interop-images');
  const made = join(cache, `${name}-${key}`);
  const there = await access(made).then(
    () => true,
    () => false,
  );
  if (there) return made;

  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'making-'));
  try {
    await run('bash', ['-euo', 'pipefail', '-c', recipe], { cwd: work, maxBuffer: 64 * 1024 * 1024 });
    await rename(work, made);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
  return made;
}
