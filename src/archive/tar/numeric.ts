/**
 * Numbers as header fields hold them: octal digits padded with NUL or space, or base-256 (GNU), which is two's
 * complement in big-endian order with the top bit of the first byte set as its mark. Values are 64-bit, hence bigint.
 */

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const SPACE = 0x20;

/** The number in `field`, 0 where it is blank; undefined where it is malformed or needs more than 64 bits. */
export function parseNumeric(field: Uint8Array): bigint | undefined {
  const value = isBase256(field) ? parseBase256(field) : parseOctal(field);
  return value !== undefined && value >= MIN_INT64 && value <= MAX_INT64 ? value : undefined;
}

/**
 * `value` as a field of `width` bytes: zero-padded octal and a NUL where that fits, else base-256; undefined where
 * neither does.
 */
export function formatNumeric(value: bigint, width: number): Uint8Array | undefined {
  return formatOctal(value, width) ?? formatBase256(value, width);
}

/** `value` as zero-padded octal digits and a NUL, `width` bytes in all; undefined where it does not fit. */
export function formatOctal(value: bigint, width: number): Uint8Array | undefined {
  if (!fitsInOctal(value, width)) return undefined;
  return Buffer.from(`${value.toString(8).padStart(width - 1, '0')}\0`.slice(-width), 'latin1');
}

export function fitsInOctal(value: bigint, width: number): boolean {
  return value >= 0n && value < 8n ** BigInt(width - 1);
}

export function fitsInBase256(value: bigint, width: number): boolean {
  const bound = 256n ** BigInt(width - 1);
  return value >= -bound && value < bound && value >= MIN_INT64 && value <= MAX_INT64;
}

function isBase256(field: Uint8Array): boolean {
  return ((field[0] ?? 0) & 0x80) !== 0;
}

function parseBase256(field: Uint8Array): bigint {
  let value = 0n;
  for (const byte of field) value = value * 256n + BigInt(byte);
  // The mark is not part of the number; the bit below it is its sign.
  return BigInt.asIntN(field.length * 8 - 1, value);
}

function formatBase256(value: bigint, width: number): Uint8Array | undefined {
  if (!fitsInBase256(value, width)) return undefined;
  const field = new Uint8Array(width);
  let rest = BigInt.asUintN(width * 8, value);
  for (let index = width - 1; index >= 0; index -= 1) {
    field[index] = Number(rest % 256n);
    rest /= 256n;
  }
  field[0] = (field[0] ?? 0) | 0x80;
  return field;
}

function parseOctal(field: Uint8Array): bigint | undefined {
  let start = 0;
  while (start < field.length && isPadding(field[start])) start += 1;
  let end = start;
  while (end < field.length && field[end] !== 0) end += 1;
  while (end > start && field[end - 1] === SPACE) end -= 1;
  if (start === end) return 0n;
  const digits = Buffer.from(field.buffer, field.byteOffset + start, end - start).toString('latin1');
  return /^[0-7]+$/.test(digits) ? BigInt(`0o${digits}`) : undefined;
}

function isPadding(byte: number | undefined): boolean {
  return byte === 0 || byte === SPACE;
}
