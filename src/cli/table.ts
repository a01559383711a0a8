import { printable } from './printable.js';

/**
 * Aligned columns by the rules of Go's tabwriter as `ctr` sets it up (spec 9.1): a column is as wide as its longest
 * cell in one run of consecutive rows that have it, plus one; every cell is padded, the last of a row too unless
 * `ragged`, so that lines end in padding. Widths count code points.
 */
export interface TableOptions {
  /** Spaces up to the width, or tabs up to the next multiple of eight. @default ' ' */
  readonly pad?: ' ' | '\t';
  /** Leaves the last cell of each row as it is: what comes of a line in Go that does not end in a tab. @default false */
  readonly ragged?: boolean;
}

const PADDING = 1;
const TAB = 8;

/** Lines that are handed out together. */
const PART_LINES = 500;

/** The rows as text, one line each, every line ended, whatever is in the cells. */
export function formatTable(cells: readonly (readonly string[])[], options: TableOptions = {}): string {
  return [...tableParts(cells, options)].join('');
}

/** {@link formatTable} in pieces, since padding makes much out of little where there is one long cell. */
export function* tableParts(
  cells: readonly (readonly string[])[],
  options: TableOptions = {},
): Generator<string> {
  const rows = cells.map((row) => row.map(printable));
  const lengths = rows.map((row) => row.map(runes));
  const pad = options.pad ?? ' ';
  const widths = rows.map((row) => new Array<number>(row.length).fill(0));
  const columns = rows.reduce((most, row) => Math.max(most, row.length), 0);
  for (let column = 0; column < columns; column++) {
    for (let start = 0; start < rows.length;) {
      let end = start;
      let width = 0;
      while (end < rows.length && column < rows[end]!.length) {
        width = Math.max(width, lengths[end]![column]! + PADDING);
        end++;
      }
      if (pad === '\t') width = Math.ceil(width / TAB) * TAB;
      for (let row = start; row < end; row++) widths[row]![column] = width;
      start = Math.max(end, start + 1);
    }
  }
  if (options.ragged === true) {
    lengths.forEach((row, index) => (widths[index]![row.length - 1] = row.at(-1) ?? 0));
  }
  for (let start = 0; start < rows.length; start += PART_LINES) {
    const part = rows.slice(start, start + PART_LINES);
    let text = '';
    part.forEach((row, index) => {
      const [length, width] = [lengths[start + index]!, widths[start + index]!];
      row.forEach((cell, column) => {
        const missing = width[column]! - length[column]!;
        text += cell + pad.repeat(pad === ' ' ? missing : Math.ceil(missing / TAB));
      });
      text += '\n';
    });
    yield text;
  }
}

function runes(text: string): number {
  // Counting one by one takes longer than anything else in a long list.
  if (!/[\ud800-\udfff]/.test(text)) return text.length;
  let count = 0;
  for (const _ of text) count++;
  return count;
}
