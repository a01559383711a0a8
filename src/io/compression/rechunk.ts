import type { Bytes } from '../byte-source.js';

/** The same bytes in chunks of exactly `size`, the last one shorter, wherever the boundaries of `source` are. */
export async function* rechunk(source: Bytes, size: number): Bytes {
  let filling: Uint8Array | undefined;
  let filled = 0;
  for await (const chunk of source) {
    let rest = chunk;
    while (rest.byteLength > 0) {
      if (filling === undefined && rest.byteLength >= size) {
        yield rest.subarray(0, size);
        rest = rest.subarray(size);
        continue;
      }
      filling ??= Buffer.allocUnsafeSlow(size);
      const part = rest.subarray(0, size - filled);
      filling.set(part, filled);
      filled += part.byteLength;
      rest = rest.subarray(part.byteLength);
      if (filled === size) {
        yield filling;
        filling = undefined;
        filled = 0;
      }
    }
  }
  if (filling !== undefined) yield filling.subarray(0, filled);
}
