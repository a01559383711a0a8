import { once } from 'node:events';
import { Writable } from 'node:stream';
import type { CallOptions } from '../../content/store.js';
import type { Bytes } from '../../io/byte-source.js';
import { linkedAbort } from '../../io/signals.js';

/**
 * Writes chunks to a Node or Web stream, no faster than it takes them. Ends the stream when all is written and taken;
 * destroys or aborts it if anything fails, so that its reader does not take what came for all there is.
 *
 * Rejects with whatever made it fail: the chunks' error, the stream's, or `signal.reason`, also while the stream does
 * not take anything.
 */
export async function writeStream(
  sink: NodeJS.WritableStream | WritableStream<Uint8Array>,
  chunks: Bytes,
  options: CallOptions = {},
): Promise<void> {
  if ('getWriter' in sink) await writeWebStream(sink, chunks, options);
  else await writeNodeStream(sink, chunks, options);
}

async function writeWebStream(
  sink: WritableStream<Uint8Array>,
  chunks: Bytes,
  options: CallOptions,
): Promise<void> {
  const writer = sink.getWriter();
  const linked = linkedAbort(options.signal);
  const { signal } = linked;
  const failed = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  // Raced against below; where nothing is waited for just then, it must not count as unhandled.
  failed.catch(() => {});
  try {
    for await (const chunk of chunks) {
      await Promise.race([writer.ready, failed]);
      // What fails here is told by `ready` or `close`, which are waited for.
      writer.write(chunk).catch(() => {});
    }
    await Promise.race([writer.close(), failed]);
  } catch (error) {
    await Promise.race([writer.abort(error), Promise.resolve()]);
    throw error;
  } finally {
    linked.unlink();
    writer.releaseLock();
  }
}

async function writeNodeStream(
  sink: NodeJS.WritableStream,
  chunks: Bytes,
  { signal }: CallOptions,
): Promise<void> {
  const linked = linkedAbort(signal);
  let failure: { readonly error: unknown } | undefined;
  const onError = (error: unknown) => {
    failure ??= { error };
    linked.abort(error);
  };
  const onClose = () => onError(new Error('the stream was closed before everything was written'));
  sink.on('error', onError);
  sink.on('close', onClose);
  try {
    for await (const chunk of chunks) {
      linked.signal.throwIfAborted();
      if (!sink.write(chunk)) await once(sink, 'drain', { signal: linked.signal });
    }
    linked.signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      linked.signal.addEventListener('abort', () => reject(linked.signal.reason), { once: true });
      sink.off('close', onClose);
      sink.end(() => resolve());
    });
  } catch (error) {
    if (sink instanceof Writable) sink.destroy();
    if (signal?.aborted === true) throw signal.reason;
    throw failure === undefined ? error : failure.error;
  } finally {
    linked.unlink();
    sink.off('close', onClose);
    sink.off('error', onError);
  }
}
