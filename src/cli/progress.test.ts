import { describe, expect, it } from 'vitest';
import { createOutput } from './output.js';
import { createProgress, progressLine, type ProgressOptions } from './progress.js';

const MiB = 2 ** 20;
const plain = { bold: (text: string) => text, alarm: (text: string) => text };

function harness(style: ProgressOptions['style']) {
  const written: string[] = [];
  const write = (text: string) => void written.push(text);
  const stdout = { isTerminal: false, closed: false, write: async () => {} };
  const output = createOutput({ json: false, debug: false, stdout, stderr: write, paint: plain });
  const clock = { time: 0 };
  const progress = createProgress({
    verb: 'importing',
    output,
    style,
    write,
    columns: () => 80,
    now: () => clock.time,
  });
  return { written, output, clock, progress };
}

describe('a progress line', () => {
  it('shows share, bytes, rate and time left, and as much of a bar as there is room for', () => {
    const state = { moved: 15 * MiB, held: 10 * MiB, total: 100 * MiB, elapsed: 2000 };
    expect(progressLine('importing', state, 80)).toBe(
      'importing  [###------------]   25%  25.0 MiB of 100.0 MiB  7.5 MiB/s  0:10 left',
    );
    expect(progressLine('importing', state, 62)).toBe(
      'importing   25%  25.0 MiB of 100.0 MiB  7.5 MiB/s  0:10 left',
    );
  });

  it('shows bytes and rate only, where nobody knows how much there is', () => {
    expect(progressLine('importing', { moved: 3 * MiB, held: 0, total: undefined, elapsed: 1000 }, 80)).toBe(
      'importing  3.0 MiB  3.0 MiB/s',
    );
  });

  it('never passes the end, or the last but one column', () => {
    const line = progressLine('exporting', { moved: 200, held: 0, total: 100, elapsed: 0 }, 80);
    expect(line).toContain('100%  100.0 B of 100.0 B');
    expect(progressLine('exporting', { moved: 1, held: 0, total: 2, elapsed: 5000 }, 20)).toHaveLength(19);
  });
});

describe('progress', () => {
  it('is drawn at most ten times a second, and cleared at the end', () => {
    const { written, clock, progress } = harness('bar');
    for (clock.time = 0; clock.time <= 1000; clock.time += 10)
      progress.onProgress({ kind: 'bytes', count: 1 });
    expect(written).toHaveLength(10);
    progress.end();
    expect(written.at(-1)).toBe('\r\u001b[K');
  });

  it('makes way for messages', () => {
    const { written, output, clock, progress } = harness('bar');
    clock.time = 500;
    progress.onProgress({ kind: 'total', totalBytes: 10, blobs: 1 });
    output.warn('look out');
    expect(written.slice(-2)).toEqual(['\r\u001b[K', 'stowage: warning: look out\n']);
  });

  it('is a plain line now and then where nothing can be redrawn', () => {
    const { written, clock, progress } = harness('lines');
    progress.onProgress({ kind: 'bytes', count: 5 * MiB });
    expect(written).toEqual([]);
    clock.time = 30_000;
    progress.onProgress({ kind: 'bytes', count: 5 * MiB });
    expect(written).toEqual(['stowage: importing  10.0 MiB  341.3 KiB/s\n']);
  });

  it('says nothing but warnings where it is not wanted', () => {
    const { written, clock, progress } = harness('none');
    clock.time = 60_000;
    progress.onProgress({ kind: 'bytes', count: 1 });
    progress.onProgress({ kind: 'warning', message: 'odd' });
    progress.end();
    expect(written).toEqual(['stowage: warning: odd\n']);
  });
});
