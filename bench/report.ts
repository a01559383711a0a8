import type { BarResult } from './bars.js';
import { median, samplesOf, timesFaster, timesFloor, type WorkResult } from './results.js';
import type { Sample } from './measure.js';

/** The page: what was measured on, which bars were reached, and the figures of every kind of work. */
export function page(
  machine: readonly string[],
  bars: readonly BarResult[],
  results: readonly WorkResult[],
  missing: readonly string[],
): string {
  const lines = [
    '# Measured side by side',
    '',
    'Written by `npm run bench`. In every round each contestant runs once, in turn, after a `sync` and with warm caches.',
    'Figures are medians of the rounds; ratios are formed in each round, and their median is shown. The floor is the',
    'least that must be done: to write the same bytes to the disk (`dd conv=fdatasync`) and to hash them (`openssl dgst`),',
    'whichever of the two takes longer; or to start Node. CPU time and memory of a daemon count for the tool it works for.',
    'Read is what went through read calls, files and pipes alike; written is what went to storage.',
    '',
    '## The machine',
    '',
    ...machine.map((line) => `- ${line}`),
    ...missing.map((line) => `- not measured: ${line}`),
    '',
  ];
  if (bars.length > 0) lines.push('## The bar', '', ...barTable(bars), '');
  for (const result of results) lines.push(...section(result), '');
  return `${lines.join('\n').trimEnd()}\n`;
}

function barTable(bars: readonly BarResult[]): string[] {
  const rows = bars.map(({ work, bar, measured, reached }) => [
    work,
    bar,
    measured,
    reached === undefined ? '–' : reached ? 'yes' : '**no**',
  ]);
  return table(['work', 'bar', 'measured', 'reached'], rows);
}

function section(result: WorkResult): string[] {
  const { work, skipped } = result;
  const columns = ['', 'runs', 's', '× floor', 'stowage is faster', 'CPU s', 'peak RSS', 'read', 'written'];
  const rows = work.contestants.flatMap(({ name, role }) => {
    const samples = samplesOf(result, name);
    if (samples.length === 0) return [];
    const middle = (of: (sample: Sample) => number | undefined) =>
      median(samples.flatMap((sample) => of(sample) ?? []));
    const faster = role === 'peer' ? timesFaster(result, name)?.value : undefined;
    return [
      [
        role === 'stowage' ? `**${name}**` : name,
        String(samples.length),
        figure(
          middle(({ seconds }) => seconds),
          3,
        ),
        role === 'floor' ? '' : figure(timesFloor(result, name), 2, ' ×'),
        figure(faster, 1, ' ×'),
        figure(
          middle(({ cpuSeconds }) => cpuSeconds),
          2,
        ),
        megabytes(middle(({ peakBytes }) => peakBytes)),
        megabytes(middle(({ readBytes }) => readBytes)),
        megabytes(middle(({ writtenBytes }) => writtenBytes)),
      ],
    ];
  });
  const lines = [`## ${work.name}: ${work.title}`, ''];
  for (const reason of skipped) lines.push(`Not run: ${reason}.`, '');
  return rows.length === 0 ? lines : [...lines, ...table(columns, rows)];
}

function figure(value: number | undefined, digits: number, unit = ''): string {
  return value === undefined ? '' : `${value.toFixed(digits)}${unit}`;
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? '' : `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`;
}

/** Padded, as prettier has tables. */
function table(head: readonly string[], cells: readonly (readonly string[])[]): string[] {
  const rows = cells.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((cell, column) =>
    Math.max(3, cell.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)];
}
