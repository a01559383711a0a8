import type { Labels, Reader } from '../../content/store.js';
import type { StowageError } from '../../errors.js';
import type { ByteSource } from '../../io/byte-source.js';
import type { Digest } from '../../oci/digest.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { ImageIndex } from '../../oci/manifest.js';

/** What was found in an image archive, ready to be planned with. */
export interface ArchiveContents {
  /** How messages name the archive, quoted where it is a path. */
  readonly what: string;
  /** The archive's own index, its entries as they stand there. */
  readonly index: ImageIndex;
  /** The descriptor of the bytes of {@link index}. */
  readonly indexDescriptor: Descriptor;
  /** Size in bytes of every blob the archive has, under the digest its name claims, and of the index itself. */
  readonly blobs: ReadonlyMap<Digest, number>;
  /** Blobs that were not in the store before and are now, because reading the archive put them there. */
  readonly written: ReadonlySet<Digest>;
  /** Blobs whose content is not what their names say, where that did not end the reading; they count as missing. */
  readonly broken?: ReadonlyMap<Digest, StowageError>;
  /** What images have that were passed over, because nobody has asked for them: not among the blobs. */
  readonly unread?: { readonly blobs: number; readonly bytes: number };
  /** What was found out about blobs, for a store to remember. */
  readonly labels?: ReadonlyMap<Digest, Labels>;
  /** Whether the tar ended as a tar should; one that did not and lacks something was cut off between two entries. */
  readonly endMarked: boolean;
  /** Reads blobs of the archive, verified against their names. */
  readonly content: Reader;
  /** The bytes of a blob that is not in the store yet, unverified, for a store to take in. */
  open(digest: Digest): ByteSource;
}
