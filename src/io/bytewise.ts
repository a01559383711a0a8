/**
 * Compares two strings by their UTF-8 bytes, the order of every list a store gives. Differs from `<` where one string
 * has a character beyond the basic plane.
 */
export function compareBytewise(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
