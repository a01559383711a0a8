import { Socket, type ConnectOpts, type SocketConstructorOpts } from 'node:net';
import type { Bytes } from './byte-source.js';

/** What is handed out at once, where it comes fast enough. */
const CHUNK = 1 << 20;

/** What is asked for at once: as much as a pipe holds, so that the system is asked again while there is more. */
const READ = 64 * 1024;

/** Milliseconds that less than a chunk waits for more. */
const PATIENCE = 2;

/** Chunks that wait to be taken before the writer has to. */
const AHEAD = 2;

/** The bytes of an open pipe or socket, to be iterated once; and the way to let go of it before its end. */
export interface PipeBytes extends Bytes {
  /** Closes the descriptor; who iterates finds the end. */
  destroy(): void;
}

/**
 * Reads an open pipe or socket to its end, and closes it. Its bytes go straight into large chunks: a stream of Node would
 * hand out each 64 KiB by itself, which costs more than to hash them. What has come waits no longer than some
 * milliseconds for more. Each chunk belongs to the receiver; the pipe is read a little ahead of it.
 *
 * Iteration rejects with what the system says, unchanged.
 */
export function readPipe(fd: number): PipeBytes {
  let buffer = Buffer.allocUnsafeSlow(CHUNK);
  /** The part of the buffer that was not handed out yet. */
  let start = 0;
  let end = 0;
  const full: Uint8Array[] = [];
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;

  const wakeUp = () => {
    clearTimeout(timer);
    timer = undefined;
    wake?.();
    wake = undefined;
  };
  const received = (count: number): boolean => {
    end += count;
    if (end === CHUNK) {
      full.push(buffer.subarray(start));
      buffer = Buffer.allocUnsafeSlow(CHUNK);
      start = end = 0;
      wakeUp();
    } else if (wake !== undefined) timer ??= setTimeout(wakeUp, PATIENCE);
    return full.length < AHEAD;
  };
  const options: SocketConstructorOpts & Pick<ConnectOpts, 'onread'> = {
    fd,
    readable: true,
    writable: false,
    onread: { buffer: () => buffer.subarray(end, Math.min(end + READ, CHUNK)), callback: received },
  };
  const socket = new Socket(options);
  socket.on('error', (error) => (failure ??= { error }));
  for (const event of ['end', 'error', 'close'] as const) {
    socket.on(event, () => {
      ended = true;
      wakeUp();
    });
  }
  socket.pause();

  const takePart = () => {
    const part = buffer.subarray(start, end);
    start = end;
    return part;
  };
  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for (;;) {
        if (full.length === 0 && !ended) {
          const woken = new Promise<void>((resolve) => (wake = resolve));
          if (start < end) timer = setTimeout(wakeUp, PATIENCE);
          socket.resume();
          await woken;
        }
        const chunk = full.shift() ?? takePart();
        if (chunk.byteLength > 0) yield chunk;
        else if (failure !== undefined) throw failure.error;
        else if (ended) return;
      }
    } finally {
      socket.destroy();
    }
  }
  const iterator = bytes();
  return { [Symbol.asyncIterator]: () => iterator, destroy: () => void socket.destroy() };
}
