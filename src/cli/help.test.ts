import { describe, expect, it } from 'vitest';
import { imagesImport } from './commands/images/import.command.js';
import { commandHelp } from './help.js';

const plain = (text: string) => text;
const helpFor = (width: number) => commandHelp(imagesImport, { bold: plain, alarm: plain, width });

describe('help', () => {
  for (const width of [40, 60, 80]) {
    it(`fits ${width} columns, but for what is typed`, () => {
      const help = helpFor(width);
      const wide = help
        .split('\n')
        .filter((line) => line.length > width && !/^( {2}(#|stowage)|Usage:| {7}stowage)/.test(line));
      expect(wide).toEqual([]);
    });
  }

  it('says the same on a narrow terminal', () => {
    const words = (text: string) => text.split(/\s+/);
    expect(words(helpFor(40))).toEqual(words(helpFor(80)));
  });
});
