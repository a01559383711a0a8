import { describe, expect, it } from 'vitest';
import { describeTable } from '../../../test/tables.js';
import { detectCompression } from './detect.js';
import { haveTool, runTool } from '../../../test/support/compression-tools.js';

/** What the fixtures of the table are made of; the table has their names alone. */
const TOOL_OF: Readonly<Record<string, readonly [tool: string, compression: string]>> = {
  gz: ['gzip', 'gzip'],
  bz2: ['bzip2', 'bzip2'],
  xz: ['xz', 'xz'],
  zst: ['zstd', 'zstd'],
};

function fixture(name: string): { head: Uint8Array; compression: string } | undefined {
  const [tool, compression] = TOOL_OF[name.split('.').at(-1) ?? ''] ?? [];
  if (tool === undefined || compression === undefined)
    return { head: Buffer.from('Hello'), compression: 'none' };
  return haveTool(tool) ? { head: runTool(tool, ['-c'], Buffer.from('Hello')), compression } : undefined;
}

function checkFixture(row: { file?: string; filename?: string }): void {
  const made = fixture(row.file ?? row.filename ?? '');
  if (made !== undefined) expect(detectCompression(made.head)).toBe(made.compression);
}

describeTable('compression-detection.json', {
  groups: {
    TestDetectCompressionZstd: (row) =>
      expect(detectCompression(Uint8Array.from(row.source as number[]))).toBe(row.expected),
    TestDetectCompression: checkFixture,
    TestAutoDecompress: checkFixture,
  },
});

const MAGICS = [
  ['gzip', [0x1f, 0x8b, 0x08]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ...Array.from({ length: 16 }, (_, kind) => ['zstd', [0x50 + kind, 0x2a, 0x4d, 0x18]] as const),
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['bzip2', [...Buffer.from('BZh9'), 0x31, 0x41, 0x59, 0x26, 0x53, 0x59]],
  ['bzip2', [...Buffer.from('BZh1'), 0x17, 0x72, 0x45, 0x38, 0x50, 0x90]],
] as const;

describe('detectCompression', () => {
  it.each(MAGICS)('knows %s by its whole magic number only', (compression, magic) => {
    expect(detectCompression(Uint8Array.from([...magic, 1, 2, 3]))).toBe(compression);
    for (let length = 0; length < magic.length; length++) {
      expect(detectCompression(Uint8Array.from(magic.slice(0, length)))).toBe('none');
    }
  });

  it('takes a tar whose first name begins like a compressed file for a tar', () => {
    expect(detectCompression(Buffer.from('BZh9.tar\0\0\0\0'))).toBe('none');
    expect(detectCompression(Buffer.from('P*M\0\0\0\0\0'))).toBe('none');
  });
});
