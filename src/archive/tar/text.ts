/**
 * Text in archives. Names are bytes without a declared encoding; nearly all are UTF-8. Bytes that are not are read as
 * Latin-1, one character a byte, so that two names never become one; such a name is for display and comparison only.
 */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
}

/** The part of a fixed-width field in front of its first NUL. */
export function untilNul(field: Uint8Array): Uint8Array {
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
}

/**
 * A name for a message: quoted, cut where it is so long that nobody would read it, and without the characters that
 * JSON leaves alone but a terminal obeys (C1 controls, line separators, changes of writing direction).
 */
export function quote(text: string): string {
  const shown = text.length > 300 ? `${text.slice(0, 300)}…` : text;
  return JSON.stringify(shown).replace(/[\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
