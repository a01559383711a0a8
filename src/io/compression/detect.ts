/** How bytes are compressed, as far as their first bytes tell. */
export type Compression = 'gzip' | 'zstd' | 'xz' | 'bzip2' | 'none';

/** So many first bytes are enough to tell every compression; fewer are enough for most. */
export const DETECTION_BYTES = 10;

/** What the first bytes of each compression look like. */
const MAGICS: readonly (readonly [Exclude<Compression, 'none'>, (head: Uint8Array) => boolean])[] = [
  // Method 8 is the only one gzip has ever had.
  ['gzip', (head) => startsWith(head, [0x1f, 0x8b, 0x08])],
  ['zstd', (head) => startsWith(head, [0x28, 0xb5, 0x2f, 0xfd])],
  // A file may begin with skippable frames, of which there are sixteen kinds.
  ['zstd', (head) => ((head[0] ?? 0) & 0xf0) === 0x50 && startsWith(head.subarray(1), [0x2a, 0x4d, 0x18])],
  ['xz', (head) => startsWith(head, [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  ['bzip2', isBzip2],
];

/**
 * The compression of the bytes that begin with `head`, which should be {@link DETECTION_BYTES} long unless there are
 * not so many. Bytes that end before a magic number does are 'none'.
 */
export function detectCompression(head: Uint8Array): Compression {
  return MAGICS.find(([, matches]) => matches(head))?.[0] ?? 'none';
}

/** `BZh`, the block size, and how a block or the end begins: the letters alone could begin the name of a tar entry. */
function isBzip2(head: Uint8Array): boolean {
  const level = head[3] ?? 0;
  const block = head.subarray(4);
  return (
    startsWith(head, [0x42, 0x5a, 0x68]) &&
    level >= 0x31 &&
    level <= 0x39 &&
    (startsWith(block, [0x31, 0x41, 0x59, 0x26, 0x53, 0x59]) ||
      startsWith(block, [0x17, 0x72, 0x45, 0x38, 0x50, 0x90]))
  );
}

function startsWith(bytes: Uint8Array, prefix: readonly number[]): boolean {
  return prefix.every((byte, index) => bytes[index] === byte);
}
