import { describe, expect, it } from 'vitest';
import { formatTable } from './table.js';

describe('a table', () => {
  it('pads every cell, the last one too, to the longest of its column and one more', () => {
    expect(
      formatTable([
        ['REF', 'SIZE'],
        ['a', '1.5 KiB'],
      ]),
    ).toBe('REF SIZE    \na   1.5 KiB \n');
  });

  it('fills with tabs up to the next multiple of eight', () => {
    expect(
      formatTable(
        [
          ['DIGEST', 'SIZE'],
          ['12345678', '1kB'],
        ],
        { pad: '\t' },
      ),
    ).toBe('DIGEST\t\tSIZE\t\n12345678\t1kB\t\n');
  });

  it('leaves the last cell as it is where the rows are ragged', () => {
    const rows = [
      ['DIGEST', 'LABELS'],
      ['a', '-'],
    ];
    expect(formatTable(rows, { ragged: true })).toBe('DIGEST LABELS\na      -\n');
  });

  it('counts code points, not UTF-16 units', () => {
    expect(
      formatTable([
        ['🐳', 'x'],
        ['ab', 'x'],
      ]),
    ).toBe('🐳  x \nab x \n');
  });

  it('aligns a column only over consecutive rows that have it', () => {
    expect(formatTable([['aaaa', 'b'], ['c'], ['d', 'eee']])).toBe('aaaa b \nc    \nd    eee \n');
  });

  it('keeps a row on one line', () => {
    expect(formatTable([['a\nb', 'c']])).toBe('a\\x0ab c \n');
  });

  it('is empty without rows', () => {
    expect(formatTable([])).toBe('');
  });
});
