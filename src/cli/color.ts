import { isTerminal } from './is-terminal.js';

/** Marks text for a terminal; without a terminal, or where NO_COLOR or TERM=dumb forbid it, text stays as it is. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly alarm: (text: string) => string;
}

export function paintFor(fd: 1 | 2, env: NodeJS.ProcessEnv): Paint {
  let known: boolean | undefined;
  // Found out when there is something to mark: most commands have nothing.
  const isOn = () => (known ??= isTerminal(fd) && !env['NO_COLOR'] && env['TERM'] !== 'dumb');
  const wrap = (start: number, end: number) => (text: string) =>
    isOn() ? `\u001b[${start}m${text}\u001b[${end}m` : text;
  return { bold: wrap(1, 22), alarm: wrap(31, 39) };
}
