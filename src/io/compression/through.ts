import type { Duplex } from 'node:stream';
import type { Bytes } from '../byte-source.js';

/**
 * What a Node transform stream makes of `source`. One chunk at a time is inside the stream, and it works only as fast
 * as its output is taken. Ending the iteration, early or not, closes the source and destroys the stream; a failure of
 * either ends the iteration with that same failure.
 *
 * A stream may end before its source does: then iteration ends, and the source is closed.
 */
export async function* through(source: Bytes, stream: Duplex): Bytes {
  let failure: { readonly error: unknown } | undefined;
  let over = false;
  let release = () => {};
  const write = (chunk: Uint8Array) =>
    new Promise<void>((resolve) => {
      // A stream that ends by itself never calls back for the chunk it ended in.
      release = resolve;
      stream.write(chunk, () => resolve());
    });
  const feed = async () => {
    try {
      for await (const chunk of source) {
        await write(chunk);
        // A stream that failed would swallow the rest of the source without a sound.
        if (over || stream.destroyed) return;
      }
      stream.end();
    } catch (error) {
      failure = { error };
      stream.destroy();
    }
  };
  // What the source failed with is why the stream was destroyed.
  const reasonFor = (error: unknown) => (failure === undefined ? error : failure.error);
  // The stream's own failure is thrown by its iterator; here it only must not be unhandled.
  stream.on('error', () => {});
  const feeding = feed();
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throw reasonFor(error);
  } finally {
    over = true;
    release();
    stream.destroy();
    await feeding;
  }
  if (failure !== undefined) throw reasonFor(undefined);
}
