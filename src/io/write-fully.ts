import type { FileHandle } from 'node:fs/promises';

/** Writes a whole chunk at a position of a file, or, where it has none (`null`), where it is. */
export async function writeFully(
  file: FileHandle,
  chunk: Uint8Array,
  position: number | null,
): Promise<void> {
  for (let done = 0; done < chunk.byteLength;) {
    const at = position === null ? null : position + done;
    const { bytesWritten } = await file.write(chunk, done, chunk.byteLength - done, at);
    done += bytesWritten;
  }
}
