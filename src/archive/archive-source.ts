import { open, stat, type FileHandle } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { fromSystemError, StowageError } from '../errors.js';
import { chunksOf, type Bytes } from '../io/byte-source.js';
import { DETECTION_BYTES, detectCompression, type Compression } from '../io/compression/detect.js';
import { fromSource, type SourceLike } from '../io/streams.js';
import { openPipe } from './named-pipe.js';

/** What an archive may come as: a path, a file URL, or bytes in any shape. */
export type ArchiveSource = string | URL | SourceLike;

/**
 * An opened archive. A regular file can be read anywhere, and a directory holds one unpacked; everything else (a pipe, a
 * device, a stream, a file that is compressed) is read once, from front to back, and may be compressed. `name` is its
 * path or what the caller calls it, `what` the same as it stands in messages.
 */
export type OpenArchive = AsyncDisposable & { readonly name: string; readonly what: string } & (
    | { readonly kind: 'file'; readonly file: FileHandle; readonly size: number }
    | { readonly kind: 'stream'; readonly chunks: Bytes }
    | { readonly kind: 'directory'; readonly path: string }
  );

const STREAM_NAME = 'the archive stream';

/** Bytes asked for in one read where an archive is not a regular file. */
const STREAM_READ_BYTES = 1 << 20;

/**
 * Opens an archive for reading.
 *
 * @throws {StowageError} what the system says of the path (NOT_FOUND, DENIED …), or UNSUPPORTED for a socket.
 */
export async function openArchive(source: ArchiveSource, name?: string): Promise<OpenArchive> {
  if (typeof source !== 'string' && !(source instanceof URL)) {
    return {
      kind: 'stream',
      name: name ?? STREAM_NAME,
      what: name ?? STREAM_NAME,
      chunks: fromSource(source),
      [Symbol.asyncDispose]: async () => {},
    };
  }
  const path = pathOf(source);
  const what = JSON.stringify(path);
  try {
    const stats = await stat(path);
    if (stats.isFIFO()) {
      const pipe = await openPipe(path);
      const close = async () => pipe.destroy();
      return { kind: 'stream', name: path, what, chunks: pipe, [Symbol.asyncDispose]: close };
    }
    if (stats.isSocket()) {
      throw new StowageError('UNSUPPORTED', `Cannot read archive ${what}: it is a socket`, {
        detail: { path },
        hint: 'name a file or a pipe, or pipe the archive in',
      });
    }
    if (stats.isDirectory())
      return { kind: 'directory', path, name: path, what, [Symbol.asyncDispose]: async () => {} };
    const file = await open(path, 'r');
    try {
      return await opened(file, path);
    } catch (error) {
      await file.close();
      throw error;
    }
  } catch (error) {
    throw fromSystemError(error, `Cannot read archive ${what}`, { detail: { path } });
  }
}

async function opened(file: FileHandle, path: string): Promise<OpenArchive> {
  const what = JSON.stringify(path);
  const stats = await file.stat();
  const shared = { name: path, what, [Symbol.asyncDispose]: () => file.close() };
  if (stats.isFile() && (await compressionOf(file)) === 'none') {
    return { kind: 'file', file, size: stats.size, ...shared };
  }
  if (stats.isFile()) {
    return { kind: 'stream', chunks: chunksOf({ file, offset: 0, length: stats.size }), ...shared };
  }
  return { kind: 'stream', chunks: chunksOfHandle(file), ...shared };
}

async function compressionOf(file: FileHandle): Promise<Compression> {
  const head = new Uint8Array(DETECTION_BYTES);
  const { bytesRead } = await file.read(head, 0, head.byteLength, 0);
  return detectCompression(head.subarray(0, bytesRead));
}

async function* chunksOfHandle(file: FileHandle): Bytes {
  for (;;) {
    const buffer = Buffer.allocUnsafeSlow(STREAM_READ_BYTES);
    const { bytesRead } = await file.read(buffer, 0, buffer.byteLength, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

/** A path from what a caller may name a file with. */
export function pathOf(location: string | URL): string {
  if (typeof location === 'string') return location;
  if (location.protocol === 'file:') return fileURLToPath(location);
  throw new StowageError(
    'UNSUPPORTED',
    `Cannot open ${JSON.stringify(location.href)}: only file URLs are read`,
    {
      detail: { url: location.href },
    },
  );
}
