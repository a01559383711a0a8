import { open } from 'node:fs/promises';
import { indexTar, readTar, type TarEntry } from '../../src/archive/tar/index.js';
import { Finding, outcomeOf, type Outcome } from './finding.js';

interface Reading {
  readonly entries: readonly string[];
  readonly outcome: Outcome<boolean>;
}

/**
 * Reads a tar by seeking in the file at `path` and as a stream of `chunks`: both find the same entries, and end in
 * the same way with the same words.
 *
 * @throws {Finding} if they differ, or one fails in a way that is none of ours.
 */
export async function checkTar(path: string, chunks: () => AsyncIterable<Uint8Array>): Promise<void> {
  const seeking = await seek(path);
  const streaming = await stream(chunks());
  if (JSON.stringify(seeking.outcome) !== JSON.stringify(streaming.outcome)) {
    throw new Finding(`readers differ: ${JSON.stringify([seeking.outcome, streaming.outcome])}`);
  }
  // An entry that is cut off is announced by a stream before it can know.
  const cutOff = seeking.entries.length === streaming.entries.length - 1 && !seeking.outcome.ok;
  const comparable = cutOff ? streaming.entries.slice(0, -1) : streaming.entries;
  if (JSON.stringify(seeking.entries) !== JSON.stringify(comparable)) {
    throw new Finding(`readers find other entries: ${JSON.stringify([seeking.entries, streaming.entries])}`);
  }
}

async function seek(path: string): Promise<Reading> {
  const entries: string[] = [];
  let marked = false;
  const file = await open(path, 'r');
  try {
    const outcome = await outcomeOf('seeking', async () => {
      const onEnd = (end: { marked: boolean }) => (marked = end.marked);
      for await (const entry of indexTar(file, { endMarker: 'optional', onEnd })) entries.push(asText(entry));
      return marked;
    });
    return { entries, outcome };
  } finally {
    await file.close();
  }
}

async function stream(chunks: AsyncIterable<Uint8Array>): Promise<Reading> {
  const entries: string[] = [];
  let marked = false;
  const outcome = await outcomeOf('streaming', async () => {
    const onEnd = (end: { marked: boolean }) => (marked = end.marked);
    for await (const { body, ...entry } of readTar(chunks, { endMarker: 'optional', onEnd })) {
      entries.push(asText(entry));
      let count = 0;
      // Every other one is left to be passed over.
      if (entries.length % 2 === 0) continue;
      for await (const part of body) count += part.byteLength;
      if (count !== entry.size) throw new Finding(`${entry.name} has ${count} bytes, not ${entry.size}`);
    }
    return marked;
  });
  return { entries, outcome };
}

function asText({ pax, ...entry }: TarEntry): string {
  return JSON.stringify({ ...entry, pax: [...pax].map(([key, value]) => [key, [...value]]) });
}
