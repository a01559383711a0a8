import type { Bytes } from '../../io/byte-source.js';
import { StowageError } from '../../errors.js';
import { paddingFor } from './block.js';
import type { TarEntry } from './entry.js';
import type { TarReadOptions } from './read-options.js';
import { StreamCursor } from './stream-cursor.js';
import type { TarSource } from './stream-cursor.js';
import { quote } from './text.js';
import { sparseError, TarWalk } from './walk.js';
import type { Found } from './walk.js';

export interface TarStreamEntry extends TarEntry {
  /**
   * The content, to be iterated once and before the next entry is asked for; what is not read by then is skipped.
   * Chunks are views of the chunks of the source, of whatever length those have, and belong to the receiver.
   */
  readonly body: Bytes;
}

/**
 * The entries of an archive, as its bytes come. Memory does not grow with the archive; the source is ended when the
 * iteration is, early or late. Behind the end marker the source is read to its end.
 *
 * @throws {StowageError} INVALID for what is no tar archive, malformed, cut off (`detail.truncated`) or goes on after
 *   its end marker; UNSUPPORTED for a compressed archive and for sparse files; LIMIT_EXCEEDED for numbers past 2^53,
 *   extended headers and entry counts past their limits. Errors of the source pass through unchanged.
 */
export async function* readTar(
  source: TarSource,
  options: TarReadOptions = {},
): AsyncGenerator<TarStreamEntry, void, undefined> {
  const cursor = new StreamCursor(source, options.signal);
  try {
    const walk = new TarWalk(cursor, options);
    for (;;) {
      const found = await walk.next();
      if (found === undefined) return;
      const body = new EntryBody(cursor, walk, found, options.name);
      yield { ...found.entry, body };
      await body.finish();
    }
  } finally {
    await cursor.close();
  }
}

/** The content of one entry. Calls are served one after the other, so that the next entry may be asked for any time. */
class EntryBody implements AsyncIterable<Uint8Array> {
  readonly #cursor: StreamCursor;
  readonly #walk: TarWalk;
  readonly #entry: TarEntry;
  readonly #padding: number;
  readonly #archive: string | undefined;
  #left: number;
  #opened = false;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(cursor: StreamCursor, walk: TarWalk, found: Found, archive: string | undefined) {
    this.#cursor = cursor;
    this.#walk = walk;
    this.#entry = found.entry;
    this.#left = found.stored;
    this.#padding = paddingFor(found.stored);
    this.#archive = archive;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const late = this.#opened || this.#closed;
    this.#opened = true;
    let done = false;
    return {
      next: async () => {
        if (done) return { done: true, value: undefined };
        if (late) throw this.#lateError();
        const chunk = await this.#queue(() => this.#read());
        if (chunk !== undefined) return { done: false, value: chunk };
        done = true;
        return { done: true, value: undefined };
      },
      return: async () => {
        done = true;
        return { done: true, value: undefined };
      },
    };
  }

  /** Passes over what was not read, and the padding. */
  async finish(): Promise<void> {
    this.#closed = true;
    await this.#queue(async () => {
      const rest = this.#left + this.#padding;
      this.#left = 0;
      if (!(await this.#cursor.skip(rest))) throw this.#walk.cutOff(this.#entry, this.#cursor.position);
    });
  }

  async #read(): Promise<Uint8Array | undefined> {
    if (this.#entry.type === 'sparse') throw sparseError(this.#entry, this.#archive);
    if (this.#left === 0) {
      if (this.#closed) throw this.#lateError();
      return undefined;
    }
    const chunk = await this.#cursor.take(this.#left);
    if (chunk === undefined) throw this.#walk.cutOff(this.#entry, this.#cursor.position);
    this.#left -= chunk.length;
    return chunk;
  }

  #queue<T>(step: () => Promise<T>): Promise<T> {
    const result = this.#last.then(step);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #lateError(): StowageError {
    const name = quote(this.#entry.name);
    return new StowageError(
      'INVALID',
      `Cannot read the content of tar entry ${name}: it was read or passed over before`,
      { hint: 'read the body of an entry once, before asking for the next entry' },
    );
  }
}
