/** Archives are made of blocks of this many bytes. */
export const BLOCK_SIZE = 512;

/** What ends an archive: two blocks of zeros. Not to be written to. */
export const END_OF_ARCHIVE: Uint8Array = new Uint8Array(2 * BLOCK_SIZE);

/** How many zero bytes follow content of `size` bytes, to fill its last block. */
export function paddingFor(size: number): number {
  const over = size % BLOCK_SIZE;
  return over === 0 ? 0 : BLOCK_SIZE - over;
}

const ZEROS = Buffer.alloc(64 * 1024);

/** Index of the first byte that is not zero, or -1. */
export function indexOfData(bytes: Uint8Array): number {
  // Comparing with zeros is a memcmp, a loop is not.
  for (let start = 0; start < bytes.length; start += ZEROS.length) {
    const part = bytes.subarray(start, start + ZEROS.length);
    if (ZEROS.compare(part, 0, part.length, 0, part.length) !== 0) {
      return start + part.findIndex((byte) => byte !== 0);
    }
  }
  return -1;
}
