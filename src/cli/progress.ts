import type { OnProgress, ProgressEvent } from '../content/progress.js';
import type { Output } from './output.js';
import { binarySize, clock } from './units.js';

/** What is known of a running operation; sizes in bytes, times in milliseconds. */
export interface ProgressState {
  readonly done: number;
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
const BAR_WIDTH = 20;
/** Rates mean nothing before this. */
const WARM_UP = 1_000;

export function createProgress(options: ProgressOptions): Progress {
  const { verb, output, style, write, columns, now } = options;
  const started = now();
  let done = 0;
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
    const line = progressLine(verb, { done, total, elapsed: time - started }, columns());
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
          done += event.count;
          break;
        case 'blob':
          if (event.existed) done += event.size;
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

/** One line that says how far it is, cut to leave the last column free, so that no terminal wraps it. */
export function progressLine(verb: string, { done, total, elapsed }: ProgressState, columns: number): string {
  const parts = [verb];
  const rate = elapsed >= WARM_UP ? (done * 1000) / elapsed : undefined;
  if (total === undefined) {
    parts.push(binarySize(done));
  } else {
    const share = total === 0 ? 1 : Math.min(1, done / total);
    parts.push(bar(share), `${Math.floor(share * 100)}%`.padStart(4));
    parts.push(`${binarySize(Math.min(done, total))} of ${binarySize(total)}`);
  }
  if (rate !== undefined) {
    parts.push(`${binarySize(rate)}/s`);
    if (total !== undefined && rate > 0) parts.push(`${clock(Math.max(0, total - done) / rate)} left`);
  }
  return parts.join('  ').slice(0, Math.max(1, columns - 1));
}

function bar(share: number): string {
  const filled = Math.floor(share * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}]`;
}
