import { isStowageError } from '../errors.js';
import { chunksOf, isFileSlice, type ByteSource } from '../io/byte-source.js';
import { createHasher } from '../io/hash.js';
import { algorithmOf } from '../oci/digest.js';
import { checkSize } from './ingest-terms.js';
import type { Ingest, IngestOptions, ResumableWriter } from './ingests.js';
import type { Labels, Stored, Writer } from './store.js';

export interface WriteIngestOptions extends IngestOptions {
  readonly labels?: Labels | undefined;
  /** Milliseconds to wait for another writer of the same reference. @default Infinity */
  readonly patience?: number | undefined;
  /** Called with every number of bytes that was taken in or found to be there, for progress. */
  readonly onBytes?: ((count: number) => void) | undefined;
}

/**
 * Writes a source into an ingest, opened or resumed, and commits it. Of what the ingest has already nothing is written
 * again: a stretch of a file is read from there on where `expect` will tell whether all of it is right; of anything
 * else the beginning is hashed to see whether it is what is there. If it is not, the ingest is begun again, and `open`
 * is called a second time. If content of the digest `expect` is held, `open` is not called.
 *
 * A failure keeps what was written, for the next call. Waits for somebody else who has the reference (spec 4.5).
 *
 * @throws {StowageError} MISMATCH if it is not `total` bytes long or has not the digest `expect`; what `open` and its
 *   iteration throw passes through unchanged.
 */
export async function writeIngest(
  target: ResumableWriter & Pick<Writer, 'put'>,
  ref: string,
  open: () => ByteSource | Promise<ByteSource>,
  options: WriteIngestOptions = {},
): Promise<Stored> {
  const { total, expect, patience = Infinity, labels = {}, signal } = options;
  for (let resume = true; ; resume = false) {
    let ingest: Ingest;
    try {
      ingest = await target.openIngest(ref, { total, expect, patience, signal });
    } catch (error) {
      if (expect === undefined || !isStowageError(error, 'ALREADY_EXISTS')) throw error;
      return target.put({ digest: expect, ...(total === undefined ? {} : { size: total }) }, open, {
        labels,
        ...(signal === undefined ? {} : { signal }),
      });
    }
    try {
      if (!resume) await ingest.truncate();
      const there = ingest.status.offset;
      const outcome = await fill(ingest, open, options);
      if (outcome === 'other content') continue;
      try {
        return await ingest.commit({ labels, signal });
      } catch (error) {
        // It may be what was there that is wrong.
        if (!isStowageError(error, 'MISMATCH') || outcome === 'whole' || there === 0) throw error;
      }
    } finally {
      await ingest.close();
    }
  }
}

/**
 * Appends what the ingest lacks. Answers whether all that it has now came from the source (`whole`), whether what it
 * had was not looked at (`unseen`), or whether that is something else than the source begins with; then nothing is
 * written.
 */
async function fill(
  ingest: Ingest,
  open: () => ByteSource | Promise<ByteSource>,
  { expect, signal, onBytes }: WriteIngestOptions,
): Promise<'whole' | 'unseen' | 'other content'> {
  const { ref, offset, digest, total } = ingest.status;
  if (expect !== undefined && digest === expect) return 'whole';
  let position = offset;
  const append = async (chunk: Uint8Array) => {
    position += chunk.byteLength;
    // Nobody reads on for what will be refused.
    if (total !== undefined && position > total) checkSize({ ref, offset: position }, total);
    await ingest.write(chunk);
    onBytes?.(chunk.byteLength);
  };
  const source = await open();
  if (isFileSlice(source) && expect !== undefined && offset > 0 && offset <= source.length) {
    onBytes?.(offset);
    const rest = { ...source, offset: source.offset + offset, length: source.length - offset };
    for await (const chunk of chunksOf(rest, { signal })) await append(chunk);
    return 'unseen';
  }
  const beginning = createHasher(algorithmOf(digest));
  let seen = 0;
  let verdict: 'same' | 'other' | undefined = offset === 0 ? 'same' : undefined;
  for await (const chunk of chunksOf(source, { signal })) {
    const old = chunk.subarray(0, offset - seen);
    if (old.byteLength > 0) beginning.update(old);
    seen += old.byteLength;
    if (seen === offset) verdict ??= beginning.digest() === digest ? 'same' : 'other';
    if (verdict === 'other') return 'other content';
    if (old.byteLength > 0) onBytes?.(old.byteLength);
    const rest = chunk.subarray(old.byteLength);
    if (rest.byteLength > 0) await append(rest);
  }
  return verdict === 'same' ? 'whole' : 'other content';
}
