/**
 * `value` as Go's encoding/json writes it, so that bytes written here equal those of containerd: compact, no line
 * break at the end, `<`, `>`, `&`, U+2028 and U+2029 escaped, maps sorted by the bytes of their keys. A `Map` is a
 * Go map, and so is what stands under the key `annotations`; any other object is a Go struct, in its own order.
 *
 * Values are those of JSON; what is undefined is left out of objects. Numbers must be whole: Go and JavaScript write
 * fractions differently.
 */
export function goJson(value: unknown): string {
  return write(value, false);
}

function write(value: unknown, isMap: boolean): string {
  if (Array.isArray(value)) return `[${value.map((item) => write(item, false)).join(',')}]`;
  if (value instanceof Map) return writeObject(sorted([...(value as Map<string, unknown>)]));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return writeObject(isMap ? sorted(entries) : entries);
  }
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new TypeError(`${value} is not a whole number`);
  }
  if (value !== null && !['string', 'number', 'boolean'].includes(typeof value)) {
    throw new TypeError(`a ${typeof value} has no JSON`);
  }
  return escapeHtml(JSON.stringify(value));
}

function writeObject(entries: readonly (readonly [string, unknown])[]): string {
  const fields = entries.map(
    ([key, item]) => `${escapeHtml(JSON.stringify(key))}:${write(item, key === 'annotations')}`,
  );
  return `{${fields.join(',')}}`;
}

/** Bytewise, which differs from the order of JavaScript beyond U+FFFF. */
function sorted(entries: readonly [string, unknown][]): [string, unknown][] {
  return entries
    .map((entry) => ({ entry, bytes: Buffer.from(entry[0]) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ entry }) => entry);
}

function escapeHtml(json: string): string {
  return json.replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
