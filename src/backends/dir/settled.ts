/**
 * What `shared` comes to, unless the signal aborts first; then rejects with its reason and leaves `shared` to the
 * others who wait for it.
 */
export async function settled<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return shared;
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
  });
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  try {
    // Also where it has aborted already: somebody has to listen to `shared`, should it fail.
    return await Promise.race([aborted, shared]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
