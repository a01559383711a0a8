import { randomBytes } from 'node:crypto';
import { constants, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve, sep } from 'node:path';
import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { errnoOf, fromSystemError, StowageError, type ErrorCode } from '../../errors.js';
import type { TemporaryFiles } from '../../images/store.js';
import type { CallOptions } from '../../content/store.js';
import type { Bytes } from '../../io/byte-source.js';
import { writePipe } from '../named-pipe.js';
import { syncFolder } from './sync-folder.js';
import { writeStream } from './write-stream.js';
import { writeThrough } from './write-through.js';

/** What a file is to hold. */
export interface TargetContent {
  readonly chunks: Bytes;
  /** Writes the same to an empty regular file in a better way; it has to be on the disk when this resolves. */
  readonly fill?: ((file: FileHandle) => Promise<number>) | undefined;
}

/**
 * Writes a file so that it is either what it was before or what it is to be. A regular file, and a new one, is written
 * under a temporary name in the same folder, synced, and renamed into place, through symbolic links; its permissions
 * stay. The temporary file is recorded, so that it goes even if this process is killed. A pipe or a device is written
 * straight through.
 *
 * @throws {StowageError} what the system says of the path; INVALID for a folder; UNSUPPORTED for a socket. Failures of
 *   the content pass unchanged.
 */
export async function writeTarget(
  path: string,
  content: TargetContent,
  temporaryFiles: TemporaryFiles,
  options: CallOptions = {},
): Promise<void> {
  const { chunks } = content;
  const attempt = `Cannot write ${JSON.stringify(path)}`;
  const refused = (code: ErrorCode, reason: string, hint: string, cause?: unknown) =>
    new StowageError(code, `${attempt}: ${reason}`, { detail: { path }, hint, cause });
  try {
    const existing = await statOrNothing(path);
    if (existing?.isDirectory() === true || path.endsWith('/') || path.endsWith(sep)) {
      const example = JSON.stringify(join(path, 'image.tar'));
      throw refused('INVALID', 'it is a directory', `name a file in it: ${example}`);
    }
    if (existing?.isSocket() === true) {
      throw refused('UNSUPPORTED', 'it is a socket', 'name a file or a pipe, or write to standard output');
    }
    if (existing?.isFIFO() === true) {
      await writeStream(await writePipe(path, options), chunks, options);
      return;
    }
    if (existing !== undefined && !existing.isFile()) {
      await writeStraight(path, chunks);
      return;
    }
    await replaceFile(await finalPath(path), existing, content, temporaryFiles, options);
  } catch (error) {
    if (errnoOf(error) === 'EPIPE') {
      const hint = 'what reads the pipe has to read to the end of the archive';
      throw refused('UNAVAILABLE', 'nobody reads it any more', hint, error);
    }
    const isDenied = errnoOf(error) === 'EACCES' || errnoOf(error) === 'EPERM';
    const hint =
      'the archive is written beside its target before it replaces it, so the folder must be writable';
    throw fromSystemError(error, attempt, { detail: { path }, ...(isDenied ? { hint } : {}) });
  }
}

async function writeStraight(path: string, chunks: Bytes): Promise<void> {
  const device = await open(path, constants.O_WRONLY);
  try {
    await writeThrough(device, chunks, 'device');
  } finally {
    await device.close();
  }
}

async function replaceFile(
  path: string,
  existing: Stats | undefined,
  { chunks, fill = (file) => writeThrough(file, chunks, 'regular') }: TargetContent,
  temporaryFiles: TemporaryFiles,
  options: CallOptions,
): Promise<number> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path).slice(0, 200)}.${randomBytes(6).toString('hex')}.part`);
  const reservation = await temporaryFiles.reserve(temporary, options);
  let written: number;
  try {
    const file = await open(temporary, 'wx', 0o666);
    try {
      if (existing !== undefined) await file.chmod(existing.mode & 0o7777);
      written = await fill(file);
    } finally {
      await file.close();
    }
    options.signal?.throwIfAborted();
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    await reservation.forget();
    throw error;
  }
  await reservation.forget();
  return written;
}

/** Where the bytes go in the end: symbolic links followed, also the last one if it points to nothing yet. */
async function finalPath(path: string): Promise<string> {
  let current = resolve(path);
  for (let links = 0; links < MAX_LINKS; links++) {
    try {
      return await realpath(current);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
    const real = join(await realpath(dirname(current)), basename(current));
    const link = await readlink(real).catch((error: unknown) => {
      if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'EINVAL') return undefined;
      throw error;
    });
    if (link === undefined) return real;
    current = resolve(dirname(real), link);
  }
  throw Object.assign(new Error('too many symbolic links'), { code: 'ELOOP' });
}

/** As many as Linux follows. */
const MAX_LINKS = 40;

async function statOrNothing(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
