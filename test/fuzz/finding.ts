import { isStowageError } from '../../src/errors.js';

/** A rule that did not hold for an input. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** Codes with which an archive may be refused; the others would blame the machine or the store. */
const REFUSALS: ReadonlySet<string> = new Set([
  'INVALID',
  'UNSUPPORTED',
  'LIMIT_EXCEEDED',
  'MISMATCH',
  'NOT_FOUND',
  'ALREADY_EXISTS',
]);

/** What came of reading an input: a value, or a refusal of ours in one line that a terminal can be shown. */
export type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** @throws {Finding} if `work` fails in another way than by refusing. */
export async function outcomeOf<T>(what: string, work: () => Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    if (error instanceof Finding) throw error;
    if (!isStowageError(error)) throw new Finding(`${what}: an error that is not ours`, { cause: error });
    const { code, message } = error;
    if (!REFUSALS.has(code)) throw new Finding(`${what}: refused with ${code}`, { cause: error });
    if (/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u.test(message)) {
      throw new Finding(`${what}: control characters in the message ${JSON.stringify(message)}`);
    }
    return { ok: false, code, message };
  }
}
