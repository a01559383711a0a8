import zlib from 'node:zlib';
import type { Duplex } from 'node:stream';
import type * as Cloudpss from '@cloudpss/zstd';

/** Zstandard as Node streams, wherever it comes from. */
export interface ZstdLibrary {
  /** Takes the slices of `zstdSlices`; it is not asked to find the end of a frame or of the data. */
  createDecoder(): Duplex;
  /** One frame, at a level from 1 to 19, with a checksum where the library can write one. */
  createEncoder(level: number): Duplex;
}

/** The part of `node:zlib` that Node 20 lacks. */
interface BuiltInZstd {
  createZstdDecompress?: (options: { chunkSize: number }) => Duplex;
  createZstdCompress?: (options: { chunkSize: number; params: Record<number, number> }) => Duplex;
  constants: { ZSTD_c_compressionLevel?: number; ZSTD_c_checksumFlag?: number };
}

const CHUNK_BYTES = 1 << 20;

/**
 * The library for zstd: Node's own, else the optional package `@cloudpss/zstd`.
 *
 * @throws whatever loading the package fails with, where Node has none.
 */
export async function loadZstd(): Promise<ZstdLibrary> {
  return builtIn(zlib as unknown as BuiltInZstd) ?? (await fromPackage());
}

function builtIn(library: BuiltInZstd): ZstdLibrary | undefined {
  const { createZstdDecompress, createZstdCompress } = library;
  const { ZSTD_c_compressionLevel, ZSTD_c_checksumFlag } = library.constants;
  if (
    createZstdDecompress === undefined ||
    createZstdCompress === undefined ||
    ZSTD_c_compressionLevel === undefined ||
    ZSTD_c_checksumFlag === undefined
  ) {
    return undefined;
  }
  return {
    createDecoder: () => createZstdDecompress({ chunkSize: CHUNK_BYTES }),
    createEncoder: (level) =>
      createZstdCompress({
        chunkSize: CHUNK_BYTES,
        params: { [ZSTD_c_compressionLevel]: level, [ZSTD_c_checksumFlag]: 1 },
      }),
  };
}

async function fromPackage(): Promise<ZstdLibrary> {
  const { Compressor, Decompressor } = (await import('@cloudpss/zstd')) as Partial<typeof Cloudpss>;
  // Without native code for a system it falls back to functions that take the whole data at once.
  if (Compressor === undefined || Decompressor === undefined) {
    throw new Error('it has no native code for this system');
  }
  return {
    createDecoder: () => new Decompressor(),
    createEncoder: (level) => new Compressor(level),
  };
}
