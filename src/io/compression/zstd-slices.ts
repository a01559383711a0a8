import type { Bytes } from '../byte-source.js';
import { ByteQueue } from './byte-queue.js';
import { cutShort, damaged, tooMuch, trailing, unreadable, type Subject } from './errors.js';

/** The largest window that is decoded, zstd's own default; a decoder needs about so much memory. */
export const MAX_WINDOW_BYTES = 128 * 1024 * 1024;

/** Blocks a slice has at most, each of which becomes at most 128 KiB. */
const BLOCKS_A_SLICE = 8;
const MAX_BLOCK_BYTES = 128 * 1024;

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const RLE = 1;
const RESERVED = 3;

/**
 * Zstandard data (RFC 8878) in slices that end at block boundaries: no slice crosses the end of a frame, none becomes
 * more than 1 MiB, and skippable frames are left out. Nothing is decoded here.
 *
 * It is needed because some decoders drop whatever follows a frame or a skippable frame within one chunk without an
 * error, say nothing of data that is cut short, or turn a whole chunk into output before anyone takes it.
 */
export async function* zstdSlices(source: Bytes, subject: Subject): Bytes {
  const queue = new ByteQueue(source);
  while (await queue.hold(1)) {
    if (!(await queue.hold(4))) throw cutShort(subject);
    const magic = view(queue.held).getUint32(0, true);
    if (magic === FRAME_MAGIC) yield* frame(queue, subject);
    else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) await skippable(queue, subject);
    else throw trailing(subject);
  }
}

async function skippable(queue: ByteQueue, subject: Subject): Promise<void> {
  if (!(await queue.hold(8))) throw cutShort(subject);
  const size = view(queue.held).getUint32(4, true);
  if (!(await queue.skip(8 + size))) throw cutShort(subject);
}

async function* frame(queue: ByteQueue, subject: Subject): Bytes {
  const { headerBytes, checksumBytes } = await frameHeader(queue, subject);
  let end = headerBytes;
  let blocks = 0;
  for (let last = false; !last;) {
    if (!(await queue.hold(end + 3))) throw cutShort(subject);
    const block = blockHeader(queue.held.subarray(end), subject);
    last = block.last;
    end += 3 + block.bytes + (last ? checksumBytes : 0);
    if (!(await queue.hold(end))) throw cutShort(subject);
    blocks++;
    // What is complete goes on when it fills a slice, and also when more would have to be copied together.
    if (last || blocks === BLOCKS_A_SLICE || queue.held.byteLength < end + 3 + MAX_BLOCK_BYTES) {
      yield queue.take(end);
      end = 0;
      blocks = 0;
    }
  }
}

interface FrameHeader {
  readonly headerBytes: number;
  readonly checksumBytes: number;
}

async function frameHeader(queue: ByteQueue, subject: Subject): Promise<FrameHeader> {
  if (!(await queue.hold(5))) throw cutShort(subject);
  const descriptor = queue.held[4] ?? 0;
  const singleSegment = (descriptor & 0x20) !== 0;
  const windowBytes = singleSegment ? 0 : 1;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0;
  const sizeBytes = [singleSegment ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0;
  const headerBytes = 5 + windowBytes + dictionaryBytes + sizeBytes;
  if (!(await queue.hold(headerBytes))) throw cutShort(subject);
  const header = view(queue.held);
  if ((descriptor & 0x08) !== 0) throw damaged(subject, 'a reserved bit is set');

  const dictionary = queue.held.subarray(5 + windowBytes, 5 + windowBytes + dictionaryBytes);
  if (dictionary.some((byte) => byte !== 0)) {
    throw unreadable(subject, 'its zstd data was made with a dictionary');
  }
  const window = singleSegment
    ? contentSize(header, headerBytes - sizeBytes, sizeBytes)
    : windowSize(header.getUint8(5));
  if (window > MAX_WINDOW_BYTES) {
    throw tooMuch(
      subject,
      `its zstd data needs a window of ${window} bytes, at most ${MAX_WINDOW_BYTES} are accepted`,
      { window, limit: MAX_WINDOW_BYTES },
    );
  }
  return { headerBytes, checksumBytes: (descriptor & 0x04) !== 0 ? 4 : 0 };
}

/** RFC 8878, section 3.1.1.1.2: an exponent and eighths of it. */
function windowSize(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** RFC 8878, section 3.1.1.1.4: two bytes count from 256. */
function contentSize(header: DataView, offset: number, bytes: number): number {
  switch (bytes) {
    case 1:
      return header.getUint8(offset);
    case 2:
      return header.getUint16(offset, true) + 256;
    case 4:
      return header.getUint32(offset, true);
    default:
      return Number(header.getBigUint64(offset, true));
  }
}

/** RFC 8878, section 3.1.1.2. */
function blockHeader(
  bytes: Uint8Array,
  subject: Subject,
): { readonly last: boolean; readonly bytes: number } {
  const header = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16);
  const type = (header >> 1) & 3;
  const size = header >> 3;
  if (type === RESERVED) throw damaged(subject, 'a block is of no known type');
  if (size > MAX_BLOCK_BYTES) throw damaged(subject, 'a block is larger than blocks may be');
  return { last: (header & 1) !== 0, bytes: type === RLE ? 1 : size };
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
