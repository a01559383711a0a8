/**
 * The authority and path of a URL as Go's `net/url` takes them apart. References are defined by it, and the URL
 * class of the web differs in nearly every rule: it changes case, drops default ports, resolves `..` and accepts
 * what Go refuses.
 */

export interface GoUrl {
  /** With port, decoded. */
  readonly host: string;
  /** Decoded, starting with `/`, or empty. */
  readonly path: string;
}

/** Takes `text`, what follows `scheme://`, apart; a string says why it is no URL. */
export function parseGoUrl(text: string): GoUrl | string {
  if (/[\x00-\x1f\x7f]/.test(text)) return 'it has a control character';
  const [withoutFragment, fragment] = cut(text, '#');
  if (fragment !== undefined && decode(fragment) === undefined) return BAD_ESCAPE;
  const [rest] = cut(withoutFragment, '?');
  const slash = rest.indexOf('/');
  const authority = slash === -1 ? rest : rest.slice(0, slash);
  const at = authority.lastIndexOf('@');
  if (at !== -1 && !isUserinfo(authority.slice(0, at))) return 'it has an invalid user before its host';
  const host = parseHost(authority.slice(at + 1));
  if (typeof host === 'string') return host;
  const path = decode(slash === -1 ? '' : rest.slice(slash));
  return path === undefined ? BAD_ESCAPE : { host: host.host, path };
}

const BAD_ESCAPE = 'it has an invalid percent escape';

function parseHost(text: string): { readonly host: string } | string {
  if (text.startsWith('[')) {
    const end = text.lastIndexOf(']');
    if (end === -1) return 'its host has no closing bracket';
    if (!isOptionalPort(text.slice(end + 1))) return invalidPort(text.slice(end + 1));
    const zone = text.slice(0, end).indexOf('%25');
    if (zone !== -1) {
      const name = decode(text.slice(zone, end));
      if (name === undefined) return BAD_ESCAPE;
      return decodeHost(text.slice(0, zone), name + text.slice(end));
    }
  } else if (text.includes(':')) {
    const port = text.slice(text.lastIndexOf(':'));
    if (!isOptionalPort(port)) return invalidPort(port);
  }
  return decodeHost(text, '');
}

function decodeHost(text: string, after: string): { readonly host: string } | string {
  // An escape in a host may only stand for a byte beyond ASCII.
  if (/%(?![89A-Fa-f][0-9A-Fa-f])/.test(text)) return BAD_ESCAPE;
  const foreign = /[\x00-\x7f]/g;
  for (const [character] of text.matchAll(foreign)) {
    if (!/[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"%]/.test(character)) {
      return `its host has the character ${JSON.stringify(character)}`;
    }
  }
  const host = decode(text);
  return host === undefined ? BAD_ESCAPE : { host: host + after };
}

function isUserinfo(text: string): boolean {
  return /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(text) && decode(text) !== undefined;
}

function isOptionalPort(text: string): boolean {
  return /^(?::[0-9]*)?$/.test(text);
}

function invalidPort(port: string): string {
  return `it has an invalid port ${JSON.stringify(port)} after its host`;
}

/** Percent decoding; undefined for a `%` without two digits, or bytes that are not UTF-8. */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function cut(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
