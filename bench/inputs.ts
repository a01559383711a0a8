import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ToolName } from '../test/interop/tools.js';

/** Newer tools see only this folder, so everything happens below it. */
export const SHARED_FOLDER = '/tmp/stowage-bench';

export type Size = 'full' | 'quick';

/** What is measured with, made by `inputs/<recipe>.sh` from what the machine has. */
interface Recipe {
  readonly recipe: string;
  readonly needs: readonly ToolName[];
  readonly settings: Readonly<Record<Size, Readonly<Record<string, string>>>>;
  /** What making it takes of the disk, in full size. */
  readonly diskBytes: number;
}

const MB = 1_000_000;

export const INPUTS = {
  'four-layers': {
    recipe: 'four-layers',
    needs: ['umoci', 'skopeo'],
    settings: {
      full: { PART_BYTES: String(680 * MB), ROOT: 'debian', CHANGED_BYTES: String(20 * MB) },
      quick: { PART_BYTES: String(3 * MB), ROOT: 'machine', CHANGED_BYTES: String(MB) },
    },
    diskBytes: 8000 * MB,
  },
  'forty-layers': {
    recipe: 'many-layers',
    needs: ['umoci', 'skopeo'],
    settings: {
      full: { LAYERS: '40', LAYER_BYTES: String(20 * MB) },
      quick: { LAYERS: '5', LAYER_BYTES: String(MB / 5) },
    },
    diskBytes: 2000 * MB,
  },
  'one-layer': {
    recipe: 'many-layers',
    needs: ['umoci', 'skopeo'],
    settings: {
      full: { LAYERS: '1', LAYER_BYTES: String(5000 * MB) },
      quick: { LAYERS: '1', LAYER_BYTES: String(5 * MB) },
    },
    diskBytes: 16_000 * MB,
  },
} as const satisfies Record<string, Recipe>;

export type InputName = keyof typeof INPUTS;

const run = promisify(execFile);

/**
 * The folder with what a recipe made. Made once for each text of the recipe and its settings, and kept for later runs.
 *
 * @throws {Error} ENOSPC if the disk lacks the space; any if a tool failed.
 */
export async function input(name: InputName, size: Size, repository: string): Promise<string> {
  const { recipe, settings, diskBytes } = INPUTS[name];
  const script = await readFile(join(repository, 'bench', 'inputs', `${recipe}.sh`), 'utf8');
  const environment: Readonly<Record<string, string>> = settings[size];
  const make = (work: string) =>
    run('bash', ['-euo', 'pipefail', '-c', script], {
      cwd: work,
      env: { ...process.env, ...environment },
      maxBuffer: 64 << 20,
    });
  return cached(name, script + JSON.stringify(environment), make, size === 'full' ? diskBytes : 0);
}

/**
 * A folder that `make` filled once for what `recipe` says.
 *
 * @throws {Error} ENOSPC if the disk has less than `diskBytes`; what `make` throws.
 */
export async function cached(
  name: string,
  recipe: string,
  make: (folder: string) => Promise<unknown>,
  diskBytes = 0,
): Promise<string> {
  const cache = join(SHARED_FOLDER, 'inputs');
  const made = join(cache, `${name}-${createHash('sha256').update(recipe).digest('hex').slice(0, 16)}`);
  const there = await access(made).then(
    () => true,
    () => false,
  );
  if (there) return made;
  await mkdir(cache, { recursive: true });
  const { bavail, bsize } = await statfs(cache);
  if (bavail * bsize < diskBytes) {
    const message = `the disk has ${gigabytes(bavail * bsize)} free, and it takes ${gigabytes(diskBytes)}`;
    throw Object.assign(new Error(message), { code: 'ENOSPC' });
  }
  console.error(`making ${name}, which takes a while the first time`);
  const work = await mkdtemp(join(cache, 'making-'));
  try {
    await make(work);
    await rename(work, made);
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
  return made;
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
