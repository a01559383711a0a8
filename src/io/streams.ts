import { Readable } from 'node:stream';
import { StowageError } from '../errors.js';
import type { Bytes } from './byte-source.js';

/** What a caller may hand in as bytes, apart from paths. */
export type SourceLike =
  Uint8Array | Blob | ReadableStream<Uint8Array> | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * What a caller handed in as plain chunks. Pulled as fast as they are taken and no faster; ending the iteration early
 * destroys a Node stream and cancels a Web stream. A Node stream is an async iterable and needs no care of its own.
 *
 * Iteration rejects with INVALID if a chunk is not bytes, such as from a Node stream with an encoding.
 */
export async function* fromSource(source: SourceLike): Bytes {
  if (source instanceof Uint8Array) {
    if (source.byteLength > 0) yield source;
    return;
  }
  for await (const chunk of source instanceof Blob ? source.stream() : source) {
    yield asBytes(chunk);
  }
}

/** A Node stream that pulls from `bytes` and closes them when it is destroyed. */
export function toReadable(bytes: Bytes): Readable {
  return Readable.from(bytes, { objectMode: false });
}

/** A Web stream that pulls from `bytes` only when it is read, and closes them when it is cancelled. */
export function toWebStream(bytes: Bytes): ReadableStream<Uint8Array> {
  let iterator: AsyncIterator<Uint8Array> | undefined;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        iterator ??= bytes[Symbol.asyncIterator]();
        const step = await iterator.next();
        if (step.done) controller.close();
        else controller.enqueue(step.value);
      },
      async cancel() {
        await iterator?.return?.();
      },
    },
    { highWaterMark: 0 },
  );
}

function asBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (ArrayBuffer.isView(chunk)) return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  throw new StowageError('INVALID', `Cannot read a stream: a chunk is ${describe(chunk)}, not bytes`, {
    hint: 'pass a stream of Uint8Array, without an encoding',
  });
}

function describe(chunk: unknown): string {
  if (typeof chunk === 'string') return 'a string';
  return chunk === null ? 'null' : `of type ${typeof chunk}`;
}
