import { fstatSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Whether a person sees it. Nothing but a character device can be a terminal, and to ask further loads half of Node. */
export function isTerminal(fd: 0 | 1 | 2): boolean {
  try {
    // Answered from memory, and before anything is under way.
    // eslint-disable-next-line no-restricted-syntax
    return fstatSync(fd).isCharacterDevice() && isatty(fd);
  } catch {
    // It is closed.
    return false;
  }
}
