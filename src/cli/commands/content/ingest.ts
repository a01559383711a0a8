import { writeIngest } from '../../../content/write-ingest.js';
import { isStowageError, StowageError } from '../../../errors.js';
import type { Lease, Store } from '../../../images/store.js';
import type { Bytes } from '../../../io/byte-source.js';
import { parseDigest } from '../../../oci/digest.js';
import type { CommandBody } from '../../command.js';
import type { Context } from '../../context.js';
import { standardInput } from '../../stdio.js';
import { usageError } from '../../usage-error.js';

export type IngestFlags = {
  readonly expectedSize?: string;
  readonly expectedDigest?: string;
  readonly restart?: boolean;
  readonly lease?: string;
};

/** How long somebody else who writes the same reference is waited for, in milliseconds. */
const PATIENCE = 10_000;

const run: CommandBody<IngestFlags, [string]> = async function (flags, ref) {
  const total = parseSize(flags.expectedSize);
  const expect = flags.expectedDigest === undefined ? undefined : parseDigest(flags.expectedDigest);
  const { stored, lease } = await this.withStore('write', async (store) => {
    if (flags.restart === true) await store.content.abortIngest(ref, { signal: this.signal });
    const before = await store.content.ingest(ref, { signal: this.signal });
    if (before !== undefined && before.offset > 0) {
      this.output.note(`${JSON.stringify(ref)} has ${before.offset} bytes already`);
    }
    // It does not end with this process.
    const own =
      flags.lease === undefined
        ? await store.leases.create({ lasting: true, signal: this.signal })
        : undefined;
    const lease = flags.lease ?? own!.id;
    try {
      const stored = await this.withProgress('ingesting', (onProgress) => {
        if (total !== undefined) onProgress({ kind: 'total', totalBytes: total, blobs: 1 });
        const onBytes = (count: number) => onProgress({ kind: 'bytes', count });
        const open = once(store, ref, this.signal);
        const options = { total, expect, patience: PATIENCE, signal: this.signal, onBytes };
        return writeIngest(store.under({ id: lease }).content, ref, open, options);
      });
      return { stored, lease };
    } catch (error) {
      throw withOurHint(error);
    } finally {
      if (own !== undefined) await keepOrEnd(this, store, ref, own);
    }
  });
  if (this.output.json) return this.output.value({ ...stored, lease });
  await this.output.lines([stored.digest]);
};

export default run;

/** ctr takes 0 for not given. */
function parseSize(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) {
    throw usageError(`--expected-size ${JSON.stringify(text)} is no number of bytes`, ['content', 'ingest']);
  }
  return Number(text) || undefined;
}

/**
 * Says what stays and why. A lease of our own ends unless content came under it: what is not finished has a term of
 * its own, and would get one lease more from every attempt. What the store has against that is less than how the write
 * ended: on a full disk, say, the lease stays for its 24 hours.
 */
async function keepOrEnd({ output }: Context, store: Store, ref: string, lease: Lease): Promise<void> {
  try {
    let opened = false;
    for await (const { type } of store.leases.resources(lease.id)) {
      if (type === 'content') {
        output.note(`lease ${lease.id} keeps the content for 24 hours, for what is to refer to it`);
        return;
      }
      opened ||= type === 'ingests';
    }
    if (opened && ((await store.content.ingest(ref))?.offset ?? 0) > 0) {
      output.note(
        'what was written is kept for 24 hours; the same command goes on with it, --restart begins again',
      );
    }
    await lease.release();
  } catch (error) {
    if (!isStowageError(error)) throw error;
  }
}

/** A library aborts what was begun for another size; here that is a flag. */
function withOurHint(error: unknown): unknown {
  if (!isStowageError(error, 'INVALID') || error.detail['before'] === undefined) return error;
  const { code, message, detail } = error;
  return new StowageError(code, message, { detail, hint: '--restart begins again', cause: error });
}

/** Standard input cannot be read again from its beginning. */
function once(store: Store, ref: string, signal: AbortSignal): () => Promise<Bytes> {
  let opened = false;
  return async () => {
    if (opened) {
      await store.content.abortIngest(ref, { signal });
      throw new StowageError(
        'MISMATCH',
        `Cannot go on with ingest ${JSON.stringify(ref)}: standard input begins with other bytes than it had`,
        { detail: { ref }, hint: 'what it had is thrown away now; run the command again' },
      );
    }
    opened = true;
    return standardInput();
  };
}
