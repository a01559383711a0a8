import { describe, expect, it } from 'vitest';
import { END_OF_ARCHIVE, encodeHeader, paddingFor, readTar } from './index.js';
import type { TarReadOptions } from './index.js';

const encoder = new TextEncoder();

function member(name: string, content: string): Uint8Array {
  const bytes = encoder.encode(content);
  return Buffer.concat([
    encodeHeader({ name, mode: 0o644, size: bytes.length }),
    bytes,
    new Uint8Array(paddingFor(bytes.length)),
  ]);
}

async function read(source: Uint8Array, options?: TarReadOptions): Promise<[string, string][]> {
  const found: [string, string][] = [];
  for await (const entry of readTar(source, options)) {
    const parts: Uint8Array[] = [];
    for await (const part of entry.body) parts.push(part);
    found.push([entry.name, Buffer.concat(parts).toString()]);
  }
  return found;
}

describe('readTar', () => {
  it('yields the entries in order with their content', async () => {
    const archive = Buffer.concat([
      member('a', 'one'),
      member('b', ''),
      member('c'.repeat(300), 'three'),
      END_OF_ARCHIVE,
    ]);
    expect(await read(archive)).toEqual([
      ['a', 'one'],
      ['b', ''],
      ['c'.repeat(300), 'three'],
    ]);
  });
});
