/**
 * Named pipes. Whoever opens, reads or writes one in the usual way waits in a system call that nothing can interrupt,
 * not even the end of the process; so they are opened without waiting, and waited for by the event loop.
 */
import { constants, open as openFile } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { Socket } from 'node:net';
import { promisify } from 'node:util';
import { errnoOf } from '../errors.js';
import type { CallOptions } from '../content/store.js';
import { pause } from '../io/pause.js';
import { readPipe, type PipeBytes } from '../io/read-pipe.js';

const open = promisify(openFile);

/** Milliseconds between looks for a reader; the system tells of none. */
const READER_POLL_MS = 50;

/**
 * The bytes of a pipe, from whenever somebody writes to it until nobody does any more. To be destroyed by whoever
 * does not read it to its end.
 */
export async function openPipe(path: string): Promise<PipeBytes> {
  const fd = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return readPipe(fd);
}

/**
 * Opens a pipe for writing as soon as somebody reads it. Rejects with `signal.reason` once aborted; with EPIPE if it
 * has no path (`/dev/stdout`) and its reader has gone, for another one cannot come.
 */
export async function writePipe(path: string, { signal }: CallOptions = {}): Promise<Socket> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      const fd = await open(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return new Socket({ fd, readable: false, writable: true });
    } catch (error) {
      if (errnoOf(error) !== 'ENXIO') throw error;
      if (!(await hasPath(path)))
        throw Object.assign(new Error('no reader', { cause: error }), { code: 'EPIPE' });
    }
    await pause(READER_POLL_MS, signal);
  }
}

async function hasPath(path: string): Promise<boolean> {
  try {
    await realpath(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
