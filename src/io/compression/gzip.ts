import { crc32, createDeflateRaw } from 'node:zlib';
import type { Bytes } from '../byte-source.js';
import { through } from './through.js';

const CHUNK_BYTES = 1 << 20;

/** RFC 1952, section 2.3: deflate, no name, no time, and "unknown" for the system, which zlib would fill in. */
const HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/**
 * One gzip member. Its frame is written here and only the deflate stream within comes from zlib, so that the bytes do
 * not depend on the platform, and whatever makes the same stream in another way can take its place.
 */
export async function* gzip(source: Bytes, level: number): Bytes {
  const sum = { crc: 0, bytes: 0 };
  yield Uint8Array.from(HEADER);
  yield* deflate(summed(source, sum), level);
  yield trailer(sum);
}

function deflate(source: Bytes, level: number): Bytes {
  return through(source, createDeflateRaw({ level, chunkSize: CHUNK_BYTES }));
}

interface Sum {
  crc: number;
  bytes: number;
}

async function* summed(source: Bytes, sum: Sum): Bytes {
  for await (const chunk of source) {
    sum.crc = crc32(chunk, sum.crc);
    sum.bytes += chunk.byteLength;
    yield chunk;
  }
}

function trailer({ crc, bytes }: Sum): Uint8Array {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc, 0);
  // The format keeps the length modulo 2^32.
  trailer.writeUInt32LE(bytes % 2 ** 32, 4);
  return trailer;
}
