import { readFully, type FileSlice } from './byte-source.js';

/** The unit of reading, hashing and writing. */
export const PIECE = 1 << 20;

/** How many buffers take turns: one is read into, one hashed, one written. */
const BUFFERS = 3;

/**
 * Reads a slice from front to back into buffers that take turns: while `take` works on a piece on this thread, the next
 * one is read on another. What `take` answers may go on meanwhile; the piece stays as it is until that resolves. Nothing
 * is in flight when this settles.
 *
 * @param take called for one piece after the other, with the position of its first byte in the slice.
 * @throws {StowageError} MISMATCH if the file ends before its slice does; what the system says of it, what `take` throws.
 */
export async function eachPiece(
  slice: FileSlice,
  take: (piece: Buffer, position: number) => Promise<void> | undefined,
  signal?: AbortSignal,
): Promise<void> {
  const buffers: Buffer[] = [];
  const taken: Promise<void>[] = [];
  let reading: Promise<Buffer> | undefined;
  let ahead = 0;
  const readNext = (turn: number) => {
    const length = Math.min(PIECE, slice.length - ahead);
    if (length === 0) return undefined;
    buffers[turn] ??= Buffer.allocUnsafeSlow(length);
    const read = readFully(slice, slice.offset + ahead, buffers[turn].subarray(0, length));
    // Thrown when it is its turn.
    read.catch(() => {});
    ahead += length;
    return read;
  };
  try {
    let position = 0;
    reading = readNext(0);
    for (let turn = 0; reading !== undefined; turn = (turn + 1) % BUFFERS) {
      signal?.throwIfAborted();
      const piece: Buffer = await reading;
      const next = (turn + 1) % BUFFERS;
      // The buffer for the next read is the one that was taken longest ago.
      await taken[next];
      reading = readNext(next);
      const work = take(piece, position);
      work?.catch(() => {});
      if (work !== undefined) taken[turn] = work;
      position += piece.byteLength;
    }
    await Promise.all(taken);
    signal?.throwIfAborted();
  } finally {
    await Promise.allSettled([...taken, reading].filter((each) => each !== undefined));
  }
}
