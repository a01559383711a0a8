/**
 * Compares two strings by their UTF-8 bytes, the order of every list a store gives. Differs from `<` where one string
 * has a character beyond the basic plane.
 */
export function compareBytewise(a: string, b: string): number {
  if (!BEYOND_PLANE.test(a) && !BEYOND_PLANE.test(b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const BEYOND_PLANE = /[\ud800-\udfff]/;
