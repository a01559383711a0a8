import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';
import type { Bytes } from '../byte-source.js';

/** Larger than what a block can become, so that zlib fills one buffer a block and never grows it. */
const CHUNK_BYTES = (1 << 20) + (1 << 14);

/** RFC 1951: how far back a match may reach. */
const WINDOW_BYTES = 1 << 15;

/** Threads of Node's pool, on which zlib works, unless somebody has set UV_THREADPOOL_SIZE. */
const POOL_THREADS = 4;

/** RFC 1952, section 2.3: deflate, no name, no time, and "unknown" for the system, which zlib would fill in. */
const HEADER = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/** RFC 1951, section 3.2.3: a last block with nothing in it. */
const END_OF_DEFLATE = [0x03, 0x00];

const deflate = promisify(deflateRaw);

/**
 * One gzip member. Every portion is compressed by itself, several at once, with the end of the one before it as its
 * dictionary; what comes out ends at a byte (sync flush), so that all of it together is one deflate stream. One member
 * and not one a portion, because there are readers that stop after the first. The bytes depend on where portions end,
 * and neither on how many are compressed at once nor on the platform.
 *
 * @param portions each of at most 1 MiB, and all but the last of 32 KiB or more
 */
export async function* gzip(portions: Bytes, level: number): Bytes {
  // One more, so that nobody waits while the first of them is taken.
  const atOnce = Math.min(availableParallelism(), POOL_THREADS) + 1;
  const running: Promise<Uint8Array>[] = [];
  let crc = 0;
  let bytes = 0;
  let dictionary: Uint8Array | undefined;
  yield Uint8Array.from(HEADER);
  try {
    for await (const portion of portions) {
      const block = deflateBlock(portion, dictionary, level);
      // Thrown when it is its turn.
      block.catch(() => {});
      running.push(block);
      crc = crc32(portion, crc);
      bytes += portion.byteLength;
      dictionary = portion.subarray(-WINDOW_BYTES);
      if (running.length >= atOnce) yield await (running.shift() as Promise<Uint8Array>);
    }
    for (let next = running.shift(); next !== undefined; next = running.shift()) yield await next;
  } finally {
    await Promise.allSettled(running);
  }
  yield trailer(crc, bytes);
}

/** Compressed up to a byte boundary, to be followed by further blocks. */
function deflateBlock(
  portion: Uint8Array,
  dictionary: Uint8Array | undefined,
  level: number,
): Promise<Uint8Array> {
  return deflate(portion, {
    level,
    chunkSize: CHUNK_BYTES,
    finishFlush: constants.Z_SYNC_FLUSH,
    ...(dictionary === undefined ? {} : { dictionary }),
  });
}

function trailer(crc: number, bytes: number): Uint8Array {
  const trailer = Buffer.alloc(END_OF_DEFLATE.length + 8);
  trailer.set(END_OF_DEFLATE);
  trailer.writeUInt32LE(crc, END_OF_DEFLATE.length);
  // The format keeps the length modulo 2^32.
  trailer.writeUInt32LE(bytes % 2 ** 32, END_OF_DEFLATE.length + 4);
  return trailer;
}
