import type { StowageError } from '../../errors.js';
import { archiveError } from './tar-error.js';

const MAGICS: readonly (readonly [compression: string, tool: string, magic: readonly number[]])[] = [
  ['gzip', 'gunzip', [0x1f, 0x8b]],
  ['zstd', 'unzstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', 'unxz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', 'bunzip2', [0x42, 0x5a, 0x68]],
];

/** Why a file that begins with `start`, which is no tar header, cannot be read: compressed, or something else. */
export function notTarError(start: Uint8Array, archive: string | undefined): StowageError {
  const place = { archive, offset: 0 };
  for (const [compression, tool, magic] of MAGICS) {
    if (start.length < magic.length || magic.some((byte, index) => start[index] !== byte)) continue;
    return archiveError('UNSUPPORTED', place, `it is compressed with ${compression}`, {
      hint: `decompress it first, for example with ${tool}`,
      detail: { compression },
    });
  }
  return archiveError('INVALID', place, 'it is not a tar archive');
}
