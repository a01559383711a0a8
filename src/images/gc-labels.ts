/** The labels that garbage collection obeys; they are containerd's (spec 6.2). */
import type { Labels } from '../content/store.js';
import { GC_REF_CONTENT } from '../oci/children.js';

export { GC_REF_CONTENT };

/** What all of their keys have in them. */
export const GC_PREFIX = 'containerd.io/gc.';

/** Content with such a label, or one whose key begins with it, stays. */
export const GC_ROOT = `${GC_PREFIX}root`;

/** When an image or a lease stops counting, RFC 3339. */
export const GC_EXPIRE = `${GC_PREFIX}expire`;

/** A lease with it keeps what it lists, and not what that refers to. */
export const GC_FLAT = `${GC_PREFIX}flat`;

/** Keeps the image of that name. */
export const GC_REF_IMAGE = `${GC_PREFIX}ref.image`;

/** The labelled one stays for as long as that content, or the image of that name, does. */
export const GC_BREF_CONTENT = `${GC_PREFIX}bref.content`;
export const GC_BREF_IMAGE = `${GC_PREFIX}bref.image`;

/** Whether a key is `prefix` itself or `prefix` with a name behind it: `…gc.ref.content.l.0`, `…gc.ref.content/config`. */
export function isKeyOf(prefix: string, key: string): boolean {
  if (!key.startsWith(prefix)) return false;
  return key.length === prefix.length || key[prefix.length] === '.' || key[prefix.length] === '/';
}

const RFC_3339 =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(\d{2}))T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:[.,]\d+)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** When the labels say that what carries them stops counting; undefined if they do not, or not in RFC 3339. */
export function expiryOf(labels: Labels): Date | undefined {
  const text = labels[GC_EXPIRE];
  const [, date, day] = RFC_3339.exec(text ?? '') ?? [];
  if (text === undefined || date === undefined) return undefined;
  // February has no 30th, though JavaScript takes it for one of March.
  if (new Date(`${date}T00:00:00Z`).getUTCDate() !== Number(day)) return undefined;
  return new Date(text.replace(',', '.'));
}

/** Whether that time is over. At the very moment it is not (spec 6.3). */
export function hasExpired(expiresAt: Date | undefined, now: Date): boolean {
  return expiresAt !== undefined && now > expiresAt;
}
