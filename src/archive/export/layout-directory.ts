/** An OCI image layout as a directory (image-spec image-layout.md) that images are added to. */
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errnoOf, StowageError } from '../../errors.js';
import type { CallOptions } from '../../content/store.js';
import type { TemporaryFiles } from '../../images/store.js';
import type { Bytes } from '../../io/byte-source.js';
import { pool } from '../../io/pool.js';
import { abortable } from '../../io/signals.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { parseOciLayout } from '../../oci/layout.js';
import { blobPath } from '../layout/entry-name.js';
import { LAYOUT_FILE, type OpenBlob } from './members.js';
import { updateUnderLock } from './index-lock.js';
import { mergeIndex, type MergedIndex, type NewEntries } from './merge-index.js';
import { syncFolder } from './sync-folder.js';
import { writeThrough } from './write-through.js';

/** Blobs that are written at once, so that one is read while another is waited for by the disk. */
const WRITES_AT_ONCE = 4;

/** Names in the root of a store; nobody else may change what it lists. */
// eslint-disable-next-line no-restricted-syntax -- looked for in a list of names, never opened
const STORE_FILES = ['metadata.db', 'holders'];

const TEMPORARY = /^\.stowage-[0-9a-f]{12}\.part$/;

export class LayoutDirectory {
  readonly #path: string;
  readonly #temporaryFiles: TemporaryFiles;

  private constructor(path: string, temporaryFiles: TemporaryFiles) {
    this.#path = path;
    this.#temporaryFiles = temporaryFiles;
  }

  /**
   * Makes the directory if it is not there; its parent must be. Of one that is there, nothing is changed but that an
   * empty one becomes a layout without an index, which is none yet.
   *
   * @throws {StowageError} INVALID if it holds something else than a layout, or is the root of a store; UNSUPPORTED
   *   for a version that is not known.
   */
  static async open(
    path: string,
    temporaryFiles: TemporaryFiles,
    options: CallOptions,
  ): Promise<LayoutDirectory> {
    const directory = new LayoutDirectory(resolve(path), temporaryFiles);
    await directory.#prepare(options);
    return directory;
  }

  /**
   * Writes blobs that are not there yet: verified, on the disk, and visible only then. One that is there with the right
   * size is kept, for its name says what it is.
   *
   * @returns how many were there.
   */
  async write(
    blobs: readonly Descriptor[],
    read: OpenBlob,
    options: CallOptions,
    onKept: OnKept,
  ): Promise<number> {
    const folders = new Set(blobs.map(({ digest }) => dirname(join(this.#path, blobPath(digest)))));
    for (const folder of folders) await mkdir(folder, { recursive: true });
    const free: string[] = [];
    const reserved: { forget(): Promise<void> }[] = [];
    let kept = 0;
    try {
      for (let writer = 0; writer < Math.min(WRITES_AT_ONCE, blobs.length); writer++) {
        const temporary = this.#temporaryName();
        reserved.push(await this.#temporaryFiles.reserve(temporary, options));
        free.push(temporary);
      }
      await pool(
        blobs,
        async (blob, signal) => {
          const path = join(this.#path, blobPath(blob.digest));
          if (await isThere(path, blob.size)) {
            kept++;
            onKept(blob);
            return;
          }
          const temporary = free.pop();
          if (temporary === undefined) throw new TypeError('there is a temporary file for each writer');
          await writeFile(temporary, read(blob), signal);
          await rename(temporary, path);
          free.push(temporary);
        },
        { concurrency: WRITES_AT_ONCE, signal: options.signal },
      );
      for (const folder of [...folders, join(this.#path, 'blobs')]) await syncFolder(folder);
    } finally {
      for (const reservation of reserved) await reservation.forget();
    }
    return kept;
  }

  /** Lists images whose blobs were written. The layout holds them when this resolves, and not before. */
  async list(added: NewEntries, options: CallOptions): Promise<MergedIndex> {
    const path = join(this.#path, 'index.json');
    let merged: MergedIndex | undefined;
    await updateUnderLock(
      path,
      (existing) => {
        merged = mergeIndex(existing, added, JSON.stringify(path));
        return merged.bytes;
      },
      options,
    );
    if (merged === undefined) throw new TypeError('an index is updated exactly once');
    return merged;
  }

  async #prepare(options: CallOptions): Promise<void> {
    const path = this.#path;
    if (await make(path)) await syncFolder(dirname(path));
    const names = await readdir(path);
    const what = `Cannot export to directory ${JSON.stringify(path)}`;
    if (STORE_FILES.some((name) => names.includes(name))) {
      throw new StowageError('INVALID', `${what}: it is the root of a store`, {
        detail: { path },
        hint: 'other tools can read it as it is; export to a directory of its own',
      });
    }
    if (names.includes('oci-layout')) {
      const file = join(path, 'oci-layout');
      parseOciLayout(await readFile(file), JSON.stringify(file));
      // An index nobody could add to is told before anything is written.
      if (names.includes('index.json')) {
        const index = join(path, 'index.json');
        mergeIndex(await readFile(index), { names: [], referrers: [] }, JSON.stringify(index));
      }
      return;
    }
    if (names.some((name) => !TEMPORARY.test(name))) {
      throw new StowageError('INVALID', `${what}: it holds other things, and no image layout`, {
        detail: { path },
        hint: `name an empty directory, or a file in it: ${JSON.stringify(join(path, 'image.tar'))}`,
      });
    }
    const temporary = this.#temporaryName();
    const reservation = await this.#temporaryFiles.reserve(temporary, options);
    try {
      await writeFile(temporary, [LAYOUT_FILE], options.signal);
      await rename(temporary, join(path, 'oci-layout'));
    } finally {
      await reservation.forget();
    }
  }

  #temporaryName(): string {
    return join(this.#path, `.stowage-${randomBytes(6).toString('hex')}.part`);
  }
}

/** Told of a blob that did not have to be written. */
export type OnKept = (blob: Descriptor) => void;

async function writeFile(
  path: string,
  chunks: Bytes | readonly Uint8Array[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = await open(path, 'wx', 0o444);
  try {
    await writeThrough(file, abortable(chunks, signal), 'regular');
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Whether it had to be made. */
async function make(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw error;
  }
}

async function isThere(path: string, size: number): Promise<boolean> {
  try {
    const stats = await lstat(path);
    return stats.isFile() && stats.size === size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
