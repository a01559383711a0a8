import type { Bytes } from '../../io/byte-source.js';
import type { Descriptor } from '../../oci/descriptor.js';
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '../tar/index.js';

/** A file or folder of the archive, its content yet to be read. */
export interface TarMember {
  readonly name: string;
  readonly type: 'file' | 'directory';
  readonly mode: number;
  /** In bytes, and exact: the header is written before the content. */
  readonly size: number;
  /** The content. Must hold back its last chunk until it is proven to be what it should be. */
  readonly content: () => Bytes;
  /** The blob of the store that the content is. */
  readonly blob?: Descriptor;
}

/**
 * The members as a tar. A reader of an incomplete one can always tell: what follows a member, the header of the next
 * or the end mark, comes in one chunk with the last bytes of its content. So whenever this fails or is not read to its
 * end, the stream stops inside a member, never between two; some tools take an archive cut there for a whole one.
 *
 * Rejects with `signal.reason` once aborted, and with whatever reading a member throws.
 */
export async function* tarStream(members: readonly TarMember[], signal: AbortSignal | undefined): Bytes {
  let pending: Uint8Array = new Uint8Array();
  for (const member of members) {
    pending = joined(pending, headerOf(member));
    let left = member.size;
    for await (const chunk of member.content()) {
      signal?.throwIfAborted();
      left -= chunk.byteLength;
      if (left > 0) {
        if (pending.byteLength > 0) yield pending;
        yield chunk;
        pending = new Uint8Array();
        continue;
      }
      const { head, tail } = split(chunk);
      if (head.byteLength > 0) {
        if (pending.byteLength > 0) yield pending;
        yield head;
        pending = new Uint8Array();
      }
      pending = joined(pending, tail);
    }
    if (left !== 0)
      throw new RangeError(`"${member.name}" was announced with ${member.size} bytes, ${left} are missing`);
    pending = joined(pending, new Uint8Array(paddingFor(member.size)));
  }
  signal?.throwIfAborted();
  yield joined(pending, END_OF_ARCHIVE);
}

/** Bytes of a last chunk that are copied to stand before what follows; the rest is passed on as it is. */
const TAIL_BYTES = 512;

function split(chunk: Uint8Array): { head: Uint8Array; tail: Uint8Array } {
  const at = Math.max(0, chunk.byteLength - TAIL_BYTES);
  return { head: chunk.subarray(0, at), tail: chunk.subarray(at) };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.byteLength === 0) return second;
  return second.byteLength === 0 ? first : Buffer.concat([first, second]);
}

export function headerOf({ name, type, mode, size }: TarMember): Uint8Array {
  return encodeHeader({ name, type, mode, size });
}
