import { isTerminal } from './is-terminal.js';

/**
 * How text is shown. It is marked for a terminal; without one, or where NO_COLOR or TERM=dumb forbid it, text stays as it
 * is.
 */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly alarm: (text: string) => string;
  /** Columns that running text may take: 80, or what the terminal has if that is less. */
  readonly width: number;
}

const WIDTH = 80;

export function paintFor(fd: 1 | 2, env: NodeJS.ProcessEnv): Paint {
  let known: boolean | undefined;
  // Found out when there is something to show: most commands have nothing.
  const isShown = () => (known ??= isTerminal(fd));
  const isMarked = () => isShown() && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  const wrap = (start: number, end: number) => (text: string) =>
    isMarked() ? `\u001b[${start}m${text}\u001b[${end}m` : text;
  return {
    bold: wrap(1, 22),
    alarm: wrap(31, 39),
    get width() {
      if (!isShown()) return WIDTH;
      // A terminal that does not know has none.
      return Math.min(WIDTH, (fd === 1 ? process.stdout : process.stderr).columns || WIDTH);
    },
  };
}
