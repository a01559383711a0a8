/** As much of an open file as it takes to write to it. */
export interface WritableFile {
  writev(chunks: Uint8Array[], position?: number): Promise<{ readonly bytesWritten: number }>;
  /** The system's number of it; another thread needs no more. */
  readonly fd?: number;
}

/**
 * Writes chunks one after the other from a position of a file on, or, where it has none, where it is; however
 * much of them the system takes at a time.
 */
export async function writeFully(
  file: WritableFile,
  chunks: readonly Uint8Array[],
  position: number | undefined,
): Promise<void> {
  let rest = chunks.filter(({ byteLength }) => byteLength > 0);
  for (let done = 0; rest.length > 0;) {
    const { bytesWritten } = await file.writev(rest, position === undefined ? undefined : position + done);
    done += bytesWritten;
    rest = after(rest, bytesWritten);
  }
}

/** What remains of the chunks behind their first `count` bytes. */
function after(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  let skipped = count;
  for (const [place, chunk] of chunks.entries()) {
    if (skipped < chunk.byteLength) return [chunk.subarray(skipped), ...chunks.slice(place + 1)];
    skipped -= chunk.byteLength;
  }
  return [];
}
