import type { OnProgress, ProgressEvent } from '../content/progress.js';
import type { Output } from './output.js';
import { binarySize, clock } from './units.js';

/** What is known of a running operation; sizes in bytes, times in milliseconds. */
export interface ProgressState {
  /** Bytes that were moved. */
  readonly moved: number;
  /** Bytes that did not have to be. */
  readonly held: number;
  readonly total: number | undefined;
  readonly elapsed: number;
}

export interface Progress {
  readonly onProgress: OnProgress;
  /** Clears what was drawn; nothing is drawn afterwards. */
  end(): void;
}

export interface ProgressOptions {
  /** What is done, as one word: `importing`. */
  readonly verb: string;
  readonly output: Output;
  /** How much is told: a bar that is redrawn, a line now and then, or nothing but warnings. */
  readonly style: 'bar' | 'lines' | 'none';
  readonly write: (text: string) => void;
  readonly columns: () => number;
  /** Milliseconds from any fixed point. */
  readonly now: () => number;
}

/** At most ten drawings a second; where nothing can be redrawn, a line every so often for logs. */
const INTERVAL = { bar: 100, lines: 30_000 } as const;
const CLEAR = '\r\u001b[K';
const GAP = '  ';
const MAX_BAR = 30;
const MIN_BAR = 6;
/** Rates mean nothing before this. */
const WARM_UP = 1_000;

export function createProgress(options: ProgressOptions): Progress {
  const { verb, output, style, write, columns, now } = options;
  const started = now();
  let moved = 0;
  let held = 0;
  let total: number | undefined;
  let drawn = false;
  let last = started;

  const clear = () => {
    if (drawn) write(CLEAR);
    drawn = false;
  };
  const draw = () => {
    const time = now();
    if (style === 'none' || time - last < INTERVAL[style]) return;
    last = time;
    const line = progressLine(verb, { moved, held, total, elapsed: time - started }, columns());
    if (style === 'lines') return output.note(line);
    write(CLEAR + line);
    drawn = true;
  };
  output.beforeMessage = clear;
  return {
    onProgress(event: ProgressEvent) {
      switch (event.kind) {
        case 'total':
          total = event.totalBytes;
          break;
        case 'bytes':
          moved += event.count;
          break;
        case 'blob':
          if (event.existed) held += event.size;
          break;
        case 'warning':
          output.warn(event.message);
          break;
      }
      draw();
    },
    end() {
      clear();
      output.beforeMessage = undefined;
    },
  };
}

/** One line that says how far it is. It leaves the last column free, so that no terminal wraps it. */
export function progressLine(verb: string, state: ProgressState, columns: number): string {
  const { moved, held, total, elapsed } = state;
  const rate = elapsed >= WARM_UP ? (moved * 1000) / elapsed : undefined;
  const speed = rate === undefined ? [] : [`${binarySize(rate)}/s`];
  const width = Math.max(1, columns - 1);
  if (total === undefined) return [verb, binarySize(moved), ...speed].join(GAP).slice(0, width);

  const done = Math.min(moved + held, total);
  const share = total === 0 ? 1 : done / total;
  const left = rate === undefined || rate === 0 ? [] : [`${clock((total - done) / rate)} left`];
  const numbers = [`${Math.floor(share * 100)}%`.padStart(4), `${binarySize(done)} of ${binarySize(total)}`];
  const text = [verb, ...numbers, ...speed, ...left];
  // The bar takes what the numbers leave.
  const room = Math.min(MAX_BAR, width - text.join(GAP).length - GAP.length - '[]'.length);
  if (room >= MIN_BAR) text.splice(1, 0, bar(share, room));
  return text.join(GAP).slice(0, width);
}

function bar(share: number, width: number): string {
  const filled = Math.floor(share * width);
  return `[${'#'.repeat(filled)}${'-'.repeat(width - filled)}]`;
}
