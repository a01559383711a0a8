/** What a terminal may take for a command or for the end of a line, or what changes the direction of what follows. */
const UNPRINTABLE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Nearly all text, which this finds out in a fraction of the time. */
const PLAIN = /^[ -~]*$/;

/**
 * Text that came from elsewhere (names, labels, media types) as one line that is safe to show: control characters are
 * written as escapes.
 */
export function printable(text: string): string {
  if (PLAIN.test(text) || text.search(UNPRINTABLE) < 0) return text;
  return text.replaceAll(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}
