import { END_OF_ARCHIVE, paddingFor } from '../tar/index.js';
import { headerOf, type TarMember } from './tar-stream.js';

/** Where everything in a tar goes. Positions are bytes from its start. */
export interface TarLayout {
  /** Of the whole tar, in bytes. */
  readonly size: number;
  /** Headers, padding and the end mark. */
  readonly frames: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  /** Members that have content. */
  readonly contents: readonly { readonly at: number; readonly member: TarMember }[];
}

/** The layout of what `tarStream` gives for the same members. */
export function tarLayout(members: readonly TarMember[]): TarLayout {
  const frames: { at: number; bytes: Uint8Array }[] = [];
  const contents: { at: number; member: TarMember }[] = [];
  let position = 0;
  let open: Uint8Array[] = [];
  const close = () => {
    const bytes = Buffer.concat(open);
    frames.push({ at: position, bytes });
    position += bytes.byteLength;
    open = [];
  };
  for (const member of members) {
    open.push(headerOf(member));
    if (member.size === 0) continue;
    close();
    contents.push({ at: position, member });
    position += member.size;
    open.push(new Uint8Array(paddingFor(member.size)));
  }
  open.push(END_OF_ARCHIVE);
  close();
  return { size: position, frames, contents };
}
