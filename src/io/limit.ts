import { StowageError } from '../errors.js';
import { chunksOf, type ByteSource } from './byte-source.js';

export interface LimitOptions {
  /** The most bytes that are accepted. */
  readonly limit: number;
  /** What is read, as it stands in a message: `index.json of "x.tar"`. */
  readonly what: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Everything a source has, as one array that belongs to the caller.
 *
 * @throws {StowageError} LIMIT_EXCEEDED as soon as there are more than `limit` bytes.
 */
export async function readAll(source: ByteSource, options: LimitOptions): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let count = 0;
  for await (const chunk of chunksOf(source, options)) {
    count += chunk.byteLength;
    if (count > options.limit) throw tooLarge(options);
    chunks.push(chunk);
  }
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks, count);
}

/** The error for something announced or found to be larger than is accepted. */
export function tooLarge({ limit, what }: LimitOptions, size?: number): StowageError {
  const found = size === undefined ? `more than ${limit}` : `${size}`;
  return new StowageError(
    'LIMIT_EXCEEDED',
    `Cannot read ${what}: it has ${found} bytes, at most ${limit} are accepted`,
    {
      detail: { limit, size },
    },
  );
}
