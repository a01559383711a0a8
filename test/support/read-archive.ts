/** Archives as tests look at them: exported into memory, and taken apart. */
import { PassThrough } from 'node:stream';
import { exportArchive, type ExportOptions, type ExportResult } from '../../src/archive/index.js';
import { readTar } from '../../src/archive/tar/index.js';
import type { Store } from '../../src/images/store.js';
import { fromSource } from '../../src/io/streams.js';

/** What an export writes to a stream, whole or as far as it came, and what it answered. */
export async function exportedBytes(
  store: Store,
  names: readonly string[],
  options?: ExportOptions,
): Promise<{ readonly bytes: Buffer; readonly result: ExportResult }> {
  const sink = new PassThrough();
  const chunks: Uint8Array[] = [];
  sink.on('data', (chunk: Uint8Array) => chunks.push(chunk));
  const result = await exportArchive(store, names, sink, options);
  return { bytes: Buffer.concat(chunks), result };
}

/** The files of a tar by name. */
export async function filesOf(tar: Uint8Array): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for await (const entry of readTar(fromSource(tar))) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of entry.body) chunks.push(chunk);
    if (entry.type === 'file') files.set(entry.name, Buffer.concat(chunks));
  }
  return files;
}

export function jsonIn(files: ReadonlyMap<string, Buffer>, name: string): unknown {
  return JSON.parse(String(files.get(name))) as unknown;
}
