import type { FileHandle } from 'node:fs/promises';
import { paddingFor, indexOfData } from './block.js';
import type { TarEntry } from './entry.js';
import type { TarReadOptions } from './read-options.js';
import { archiveError } from './tar-error.js';
import { TarWalk } from './walk.js';
import type { Cursor } from './walk.js';

/** Bytes read at once: headers of small neighbouring entries come together, of a large one little is read in vain. */
const READ_AHEAD = 32 * 1024;

/**
 * The entries of an archive in a regular file, found by reading headers and passing over contents, which lie at
 * `dataOffset`, `size` bytes each (not so those of sparse files). An entry that reaches past the end of the file is
 * an error before it is yielded. The file is read at explicit positions and stays open.
 *
 * @throws {StowageError} as `readTar` does.
 */
export async function* indexTar(
  file: FileHandle,
  options: TarReadOptions = {},
): AsyncGenerator<TarEntry, void, undefined> {
  options.signal?.throwIfAborted();
  const stat = await file.stat();
  if (!stat.isFile()) {
    throw archiveError('INVALID', { archive: options.name, offset: 0 }, 'it is not a regular file', {
      hint: 'read it as a stream',
    });
  }
  const cursor = new FileCursor(file, stat.size, options.signal);
  const walk = new TarWalk(cursor, options);
  for (;;) {
    const found = await walk.next();
    if (found === undefined) return;
    const end = cursor.position + found.stored + paddingFor(found.stored);
    if (end > stat.size) throw walk.cutOff(found.entry, stat.size);
    yield found.entry;
    cursor.position = end;
  }
}

class FileCursor implements Cursor {
  position = 0;
  readonly #file: FileHandle;
  readonly #size: number;
  readonly #signal: AbortSignal | undefined;
  readonly #buffer = new Uint8Array(READ_AHEAD);
  #bufferStart = 0;
  #bufferLength = 0;

  constructor(file: FileHandle, size: number, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#size = size;
    this.#signal = signal;
  }

  async read(length: number): Promise<Uint8Array> {
    const wanted = Math.min(length, this.#size - this.position);
    if (wanted > this.#buffer.length) return this.#large(wanted);
    const start = this.position - this.#bufferStart;
    if (start < 0 || start + wanted > this.#bufferLength) await this.#refill();
    const from = this.position - this.#bufferStart;
    const bytes = this.#buffer.subarray(from, Math.min(from + wanted, this.#bufferLength));
    this.position += bytes.length;
    return bytes;
  }

  async findData(): Promise<number | undefined> {
    for (;;) {
      const start = this.position;
      const part = await this.read(READ_AHEAD);
      if (part.length === 0) return undefined;
      const index = indexOfData(part);
      if (index !== -1) return start + index;
    }
  }

  async #refill(): Promise<void> {
    this.#bufferStart = this.position;
    this.#bufferLength = await this.#fill(this.#buffer);
  }

  async #large(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(length);
    const count = await this.#fill(bytes);
    this.position += count;
    return bytes.subarray(0, count);
  }

  /** Reads from the position on; fewer bytes than fit only where the file ends. */
  async #fill(target: Uint8Array): Promise<number> {
    let count = 0;
    while (count < target.length) {
      this.#signal?.throwIfAborted();
      const at = this.position + count;
      const { bytesRead } = await this.#file.read(target, count, target.length - count, at);
      if (bytesRead === 0) break;
      count += bytesRead;
    }
    return count;
  }
}
